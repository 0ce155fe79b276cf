package login

import (
	"net/http"
	"net/mail"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// identifier takes the mail address. Whether anybody has it is not asked before the password is
// there, so that this step is the same for everybody in every way.
func (s *Server) identifier(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.answer(w, r, Identify)
	if err != nil || !ok {
		return err
	}
	typed := strings.TrimSpace(r.PostFormValue("email"))
	if typed == "" {
		return s.wrong(w, r, v, problem{text: said422("identifier.empty").text})
	}
	email, ok := Address(typed)
	if !ok {
		return s.wrong(w, r, v, problem{text: said422("identifier.format").text, typed: typed})
	}
	tx, err := s.change(r.Context(), v.tx, func(t *Transaction) bool {
		if t.UserID != "" || t.Identifier != "" {
			return false
		}
		t.Identifier = email
		return true
	})
	if err != nil {
		return err
	}
	s.see(w, r, tx)
	return nil
}

// addressLimit is the longest mail address (RFC 5321 section 4.5.3.1.3, without the brackets).
const addressLimit = 254

// Address brings a mail address into the one form in which it is kept, looked up and counted: NFC
// and lower case. It returns false for what is no address.
func Address(typed string) (string, bool) {
	email := strings.ToLower(norm.NFC.String(strings.TrimSpace(typed)))
	if len(email) > addressLimit || strings.ContainsAny(email, " \t\r\n\"<>(),:;\\[]") {
		return "", false
	}
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email {
		return "", false
	}
	return email, true
}

package login

import (
	"net/http"
	"net/mail"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/vsee/vseeid/templates"
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
		return s.wrong(w, r, v, says("identifier.empty"))
	}
	email, ok := Address(typed)
	if !ok {
		return s.wrong(w, r, v, problem{text: templates.Text{Key: "identifier.format"}, typed: typed})
	}
	own, err := s.ownSession(r, v, email)
	if err != nil {
		return err
	}
	tx, err := s.change(r.Context(), v.tx, func(t *Transaction) bool {
		if t.UserID != "" || t.Identifier != "" {
			return false
		}
		t.Identifier, t.UserID, t.SessionID = email, own.UserID, own.SessionID
		return true
	})
	if err != nil {
		return err
	}
	s.see(w, r, tx)
	return nil
}

// ownSession finds out whether the address is that of the person whom the browser is signed in as,
// for who was asked to choose an account (prompt=select_account) and chose that one.
func (s *Server) ownSession(r *http.Request, v visit, email string) (Transaction, error) {
	own := v.tx
	own.Demand.Select = false
	f, err := s.seed(r, &own, v.now)
	if err != nil || f.user.Email != email {
		return Transaction{}, err
	}
	return own, nil
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

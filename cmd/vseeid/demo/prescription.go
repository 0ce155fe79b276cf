package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vsee/vseeid/op/resource"
)

const pathPrescription = "/prescription"

// prescription shows what is to be signed.
func (a *app) prescription(w http.ResponseWriter, r *http.Request) error {
	s := a.sessions.of(r)
	if s == nil {
		return errSignedOut
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.person == nil {
		return errSignedOut
	}
	rx := prescriptions[0]
	shown := signedIn(s.person)
	s.person.note = ""
	shown.Prescription = &rx
	if signed, ok := s.person.signatures[rx.ID]; ok {
		shown.Signature = &signed
	}
	a.render(w, http.StatusOK, shown)
	return nil
}

// sign asks the API to sign the prescription. When the API demands another sign-in first, the
// browser goes to the provider, and the prescription is signed when it comes back.
func (a *app) sign(w http.ResponseWriter, r *http.Request) error {
	return a.withPerson(w, r, func(p *provider, s *session) (string, error) {
		if !s.person.token.Valid() {
			if err := a.renew(r.Context(), p, s); err != nil {
				return "", err
			}
		}
		rx := prescriptions[0].ID
		challenge, err := a.callAPI(r.Context(), s, rx)
		if errors.Is(err, errStepUp) {
			return s.stepUp(p, rx, challenge), nil
		}
		if err != nil {
			return "", err
		}
		s.person.note += " " + s.person.signatures[rx].unasked()
		return pathPrescription, nil
	})
}

// askFirst has the person prove it again and then signs, whether or not the API would demand it: which an
// app may always do. It is here so that a step-up can be seen a minute after the first sign-in.
func (a *app) askFirst(w http.ResponseWriter, r *http.Request) error {
	return a.withPerson(w, r, func(p *provider, s *session) (string, error) {
		now := time.Duration(0)
		asked := resource.Challenge{ACR: resource.Implying(resource.ACRMultiFactor), MaxAge: &now}
		return s.stepUp(p, prescriptions[0].ID, asked), nil
	})
}

// stepUp begins the sign-in that the API demands. What is to be done then is kept with the state, in
// the session: the address of the browser says nothing of it. Nobody but the person who pressed the
// button will do, and the provider is told so.
func (s *session) stepUp(p *provider, rx string, challenge resource.Challenge) string {
	subject, _ := s.person.claims["sub"].(string)
	only, err := json.Marshal(map[string]any{"id_token": map[string]any{"sub": map[string]any{"value": subject}}})
	if err != nil {
		panic(err) // strings encode
	}
	asked := challenge.Params()
	asked.Set("claims", string(only))
	return s.ask(p, attempt{prescription: rx, subject: subject}, asked)
}

// steppedUp does what the step-up was for, with the new tokens, and once. An API that still demands
// another sign-in would do so for ever: the person hears of it, and goes no further round.
func (a *app) steppedUp(w http.ResponseWriter, r *http.Request, begun attempt, who *person) error {
	if who.claims["sub"] != begun.subject {
		return &failure{title: "Somebody else signed in", body: "The prescription was not signed. It has to be signed by who began.", again: pathPrescription}
	}
	if old := a.sessions.of(r); old != nil {
		old.mu.Lock()
		if old.person != nil && old.person.claims["sub"] == begun.subject {
			who.signatures = old.person.signatures
		}
		old.mu.Unlock()
	}
	s := a.sessions.begin(w, r, who)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := a.callAPI(r.Context(), s, begun.prescription)
	if errors.Is(err, errStepUp) {
		return &failure{
			title: "The prescription was not signed", again: pathPrescription, err: err,
			body: "You signed in, and the clinic still asks for a stronger or more recent sign-in. Please try again, or ask for help.",
		}
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, pathPrescription, http.StatusSeeOther)
	return nil
}

// explain adds to what went wrong with a step-up what that means for the prescription.
func (begun attempt) explain(err error) error {
	var f *failure
	if begun.prescription == "" || !errors.As(err, &f) {
		return err
	}
	told := *f
	told.again = pathPrescription
	told.body = "The prescription was not signed. " + f.body
	if f.code == "unmet_authentication_requirements" {
		told.body = "The prescription was not signed. Signing needs a passkey or an authenticator app. You can set one up on the page of your account."
	}
	return &told
}

// errStepUp says that the API demands another sign-in.
var errStepUp = errors.New("the API demands another sign-in")

// callAPI signs a prescription with the access token of the person, and keeps the signature. With
// errStepUp comes what the API demands. When the API does not take the token at all, the sign-in has
// ended: a new token of it would fare no better. The lock of the session is held.
func (a *app) callAPI(ctx context.Context, s *session, rx string) (resource.Challenge, error) {
	who := s.person
	failed := func(err error) error {
		return &failure{title: "The prescription was not signed", body: "The clinic's service did not accept it. Please try again.", again: pathPrescription, err: err}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.API+"/prescriptions/"+url.PathEscape(rx)+"/signature", nil)
	if err != nil {
		return resource.Challenge{}, err
	}
	who.token.SetAuthHeader(request)
	answer, err := a.http.Do(request)
	if err != nil {
		return resource.Challenge{}, failed(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusUnauthorized {
		if challenge, ok := resource.ParseChallenge(answer.Header); ok {
			return challenge, errStepUp
		}
		if strings.Contains(answer.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			return resource.Challenge{}, s.signedOut("The prescription was not signed: your sign-in has ended.", errors.New("the API answers invalid_token"))
		}
	}
	if answer.StatusCode != http.StatusOK {
		return resource.Challenge{}, failed(fmt.Errorf("the API answers %s", answer.Status))
	}
	var signed signature
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<16)).Decode(&signed); err != nil {
		return resource.Challenge{}, failed(err)
	}
	if who.signatures == nil {
		who.signatures = map[string]signature{}
	}
	who.signatures[rx] = signed
	who.note = "The prescription is signed."
	return resource.Challenge{}, nil
}

// With says what proved who signed.
func (s signature) With() string {
	switch {
	case slices.Contains(s.AMR, "hwk") || slices.Contains(s.AMR, "swk"):
		return "with a passkey"
	case s.Recovery:
		return "with a recovery code"
	case slices.Contains(s.AMR, "otp"):
		return "with a fresh code"
	}
	return "with a fresh sign-in"
}

// When is when it was signed.
func (s signature) When() string { return moment(s.At) }

// Since is when the sign-in was proved.
func (s signature) Since() string { return moment(s.Proved) }

// unasked says why nothing was asked before this was signed. The API grants a little more than it
// demands, for clocks that differ.
func (s signature) unasked() string {
	again := s.Proved.Add(signatureAge + resource.Skew + time.Minute).UTC().Format("15:04 MST")
	return "You proved it is you less than five minutes ago, so nothing was asked. It asks again from " + again + "."
}

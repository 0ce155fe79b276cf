package login

import (
	"net/http"
	"slices"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/templates"
)

// chooses reports whether the open step leaves a choice of methods.
func (v visit) chooses() bool {
	switch v.step.Kind {
	case Challenge: // of one way too: its list says why there is no other
		return true
	case Prove, Enroll, Add:
		return len(v.step.Methods) > 1
	case Offer:
		return v.step.Offer == OfferEnroll && len(v.step.Methods) > 1
	case Identify, Ticket, Done, Fail:
	}
	return false
}

// methods lists the ways that would do and are not closed, and says why another is none of them.
func (s *Server) methods(w http.ResponseWriter, r *http.Request) error {
	v, err := s.open(r)
	if err != nil {
		return err
	}
	if !v.chooses() {
		s.see(w, r, v.tx)
		return nil
	}
	return s.showMethods(w, r, v, http.StatusOK)
}

func (s *Server) showMethods(w http.ResponseWriter, r *http.Request, v visit, status int) error {
	open, closed, err := s.openMethods(r.Context(), v)
	if err != nil {
		return err
	}
	if len(open) == 0 { // its page says whom to ask
		s.see(w, r, v.tx)
		return nil
	}
	page := templates.Methods{
		Frame: s.frame(r, v.tx.Demand), Action: v.tx.path("method"), Back: v.tx.path(""),
		Enroll: s.asked(v).enroll, Missing: s.missing(v, closed),
	}
	if v.step.Kind == Challenge {
		page.Lost = v.report()
		if page.Reference, err = s.reference(r, v); err != nil {
			return err
		}
	}
	for _, k := range open {
		page.Kinds = append(page.Kinds, string(k))
	}
	return templates.Serve(w, r, status, page, v.tx.Demand.App.Origins...)
}

// closedWord is the message about a closed kind. A mailbox has its own: nobody can set one up again.
func closedWord(key string, k factors.Kind) string {
	if k == factors.Email {
		return key + ".email"
	}
	return key
}

// missing are the ways that the person has and that are not offered, and why.
func (s *Server) missing(v visit, closed []factors.Kind) []templates.Missing {
	var out []templates.Missing
	for _, k := range closed {
		out = append(out, templates.Missing{Kind: string(k), Why: templates.Text{Key: closedWord("method.missing.closed", k)}})
	}
	for _, m := range Missing(v.known(v.tx, v.now), v.policy, v.enrolled, v.now) {
		why := templates.Text{Key: "method.missing." + string(m.Reason)}
		switch {
		case m.Reason == MissingMailbox:
			why.Args = map[string]any{"Until": v.user.PasswordMail.Add(mailReset)}
		case m.Reason == MissingWeak && v.tx.Changes:
			why.Key = "method.missing.weak.change"
		}
		out = append(out, templates.Missing{Kind: string(m.Kind), Why: why})
	}
	return out
}

// choose picks one of the ways. One that was not listed is refused: the list is all that would do.
func (s *Server) choose(w http.ResponseWriter, r *http.Request) error {
	v, err := s.open(r)
	if err != nil {
		return err
	}
	kind := factors.Kind(r.PostFormValue("method"))
	switch {
	case !v.chooses():
		if err := s.outOfStep(r.Context(), v.tx, "method"); err != nil {
			return err
		}
		s.see(w, r, v.tx)
		return nil
	case !slices.Contains(v.step.Methods, kind):
		if err := s.outOfStep(r.Context(), v.tx, "method"); err != nil {
			return err
		}
		http.Redirect(w, r, v.tx.path("method"), http.StatusSeeOther)
		return nil
	}
	tx, err := s.change(r.Context(), v.tx, func(t *Transaction) bool {
		if t.UserID != v.tx.UserID {
			return false
		}
		t.Chosen = kind
		t.park()
		return true
	})
	if err != nil {
		return err
	}
	s.see(w, r, tx)
	return nil
}

// park puts the ceremony under way aside. A code that was mailed is good when its person comes back to
// it; what else was begun is begun anew.
func (tx *Transaction) park() {
	if p := tx.Pending; p != nil && p.Kind == factors.Email {
		tx.Parked = p
	}
	tx.Pending = nil
}

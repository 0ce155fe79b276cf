package op

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/vsee/vseeid/op/request"
	"github.com/vsee/vseeid/op/token"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// departure is what is known when somebody wants to sign out.
type departure struct {
	given     request.Logout
	hint      *token.IDClaims // of the id_token_hint; nil when there is none or it is not ours
	client    Client          // of the hint or of client_id; zero when there is none of ours
	sessionID string          // of the browser, and its person; empty when it has none
	userID    string
}

// farewell is what becomes of it.
type farewell struct {
	ask    bool   // the person has to say yes first
	target string // where to go then, state included; empty for a page of ours
}

// decide is the table of signing out (OpenID Connect RP-Initiated Logout 1.0). Nobody is sent
// anywhere but to an address that the client has registered, letter by letter. A session ends
// without a question only on a hint about that very session. Where something does not fit, the
// person is asked, and stays here.
func (d departure) decide() farewell {
	registered := d.given.RedirectURI != "" && slices.Contains(d.client.PostLogoutRedirectURIs, d.given.RedirectURI)
	suspect := d.given.IDTokenHint != "" && d.hint == nil ||
		d.given.ClientID != "" && d.client.ID == "" ||
		d.given.RedirectURI != "" && !registered ||
		d.hint != nil && !slices.Contains(d.hint.Audience, d.client.ID) ||
		d.hint != nil && d.sessionID != "" && d.hint.Subject != d.userID

	f := farewell{ask: d.sessionID != "" && (suspect || d.hint == nil || d.hint.SessionID != d.sessionID)}
	if registered && !suspect {
		f.target = d.given.RedirectURI
		if d.given.State != "" {
			f.target = request.AppendResponse(f.target, url.Values{"state": {d.given.State}})
		}
	}
	return f
}

// logout signs a person out at the request of a client, or asks first.
func (p *Provider) logout(w http.ResponseWriter, r *http.Request, values url.Values) error {
	d, err := p.departing(r, values)
	if err != nil {
		return err
	}
	f := d.decide()
	if !f.ask {
		return p.leave(w, r, d, f)
	}
	button := templates.Action{URL: pathLogoutConfirm, Label: templates.Text{Key: "notice.logout.yes"}}
	if f.target != "" {
		button.Fields = []templates.Field{
			{Name: "client_id", Value: d.client.ID},
			{Name: "post_logout_redirect_uri", Value: d.given.RedirectURI},
			{Name: "state", Value: d.given.State},
		}
	}
	return templates.Serve(w, r, http.StatusOK, templates.Notice{
		Frame: p.frame(r, d.client.Name, d.given.UILocales),
		Title: templates.Text{Key: "notice.logout.confirm.title"},
		Body: []templates.Text{{
			Key: "notice.logout.confirm.body", Args: map[string]any{"Brand": p.brand.Name},
		}},
		Button: button,
	}, origins(f.target)...)
}

// keepLogout keeps a request that came by POST.
func (p *Provider) keepLogout(path string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		values, err := form(r)
		if err != nil {
			return err
		}
		given, refused := request.ParseLogout(values)
		if refused != nil {
			return refused
		}
		return p.keepPosted(w, r, path, given.Values())
	}
}

// logoutGone is for who comes back to a request that is not kept any more: as if it asked nothing
// in particular.
func (p *Provider) logoutGone(w http.ResponseWriter, r *http.Request) error {
	return p.logout(w, r, url.Values{})
}

// confirmLogout is where the person says yes. Only our own page can: nothing else is asked of who
// posts here, and nothing is believed that is not checked again.
func (p *Provider) confirmLogout(w http.ResponseWriter, r *http.Request) error {
	if err := p.sameOrigin.Check(r); err != nil {
		p.notice(w, r, http.StatusForbidden, simpleNotice("notice.csrf"))
		return nil
	}
	values, err := form(r)
	if err != nil {
		return err
	}
	d, err := p.departing(r, values)
	if err != nil {
		return err
	}
	return p.leave(w, r, d, d.decide())
}

// departing finds out what is known.
func (p *Provider) departing(r *http.Request, values url.Values) (departure, error) {
	given, refused := request.ParseLogout(values)
	if refused != nil {
		return departure{}, refused
	}
	d := departure{given: given}
	clientID := given.ClientID
	if given.IDTokenHint != "" {
		if hint, err := token.ParseHint(p.keys, given.IDTokenHint, p.issuer); err == nil {
			d.hint = &hint
			if clientID == "" {
				clientID = hint.Audience[0]
			}
		}
	}
	var err error
	if clientID != "" {
		d.client, err = p.client(r.Context(), clientID)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return departure{}, err
		}
	}
	d.sessionID, d.userID, err = p.browser.Current(r)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return departure{}, storeFailed("find session", err)
	}
	return d, nil
}

// leave ends the browser's session, if there is one, and sends the person on.
func (p *Provider) leave(w http.ResponseWriter, r *http.Request, d departure, f farewell) error {
	if d.sessionID != "" {
		if err := p.browser.End(w, r, d.sessionID); err != nil {
			return storeFailed("end session", err)
		}
	}
	if f.target != "" {
		w.Header().Set("Location", f.target)
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	n := simpleNotice("notice.loggedout")
	n.Frame = p.frame(r, d.client.Name, d.given.UILocales)
	return templates.Serve(w, r, http.StatusOK, n)
}

// origins is the origin of a target as what a page's form may lead to; none for none.
func origins(target string) []string {
	if target == "" {
		return nil
	}
	return []string{originOf(target)}
}

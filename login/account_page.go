package login

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/agent"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/templates"
)

// listed are the kinds of factors that the account page shows one by one.
var listed = []factors.Kind{factors.Passkey, factors.TOTP}

// account shows what protects the account, where it is signed in, and what happened. To look at it is
// to use the session.
func (s *Server) account(w http.ResponseWriter, r *http.Request, v visit) error {
	if err := s.Sessions.TouchSession(r.Context(), v.session.ID, v.now); err != nil {
		return storeFailed("note the use of a session", err)
	}
	return s.showAccount(w, r, v, http.StatusOK, templates.Text{})
}

func (s *Server) showAccount(w http.ResponseWriter, r *http.Request, v visit, status int, problem templates.Text) error {
	page := templates.Account{
		Frame: s.frame(r, Demand{}), Name: v.user.Name, Email: v.user.Email, Org: v.org.Name, Off: v.policy.MFA == Off,
		Factors: s.cards(v), Recovery: v.recoveryCard(),
		Default: string(v.user.Default), Choices: words(v.choices()),
		SignOut: accountPath + "/signout", Problem: problem,
	}
	if word := doneWord(r); word != "" {
		page.Done = templates.Text{Key: "account.done." + word}
	}
	if !slices.Contains(page.Choices, page.Default) {
		page.Default = ""
	}
	if len(page.Choices) > 1 {
		page.DefaultPage = accountPath + "/default"
	}
	if v.addable(factors.TOTP) {
		page.AddTOTP = accountPath + "/add/" + string(factors.TOTP)
	}
	if v.addable(factors.Passkey) {
		page.AddPasskey = accountPath + "/add/" + string(factors.Passkey)
	}
	if v.user.PasswordHash != "" {
		page.Password, page.PasswordSet = accountPath+"/password", v.user.PasswordSet
	}
	if v.tx.Device.Refused {
		page.Trust = accountPath + "/trust"
	}
	if err := s.fillHistory(r.Context(), v, &page); err != nil {
		return err
	}
	var err error
	if page.Signals, err = s.signals(r.Context(), v); err != nil {
		return err
	}
	return templates.Serve(w, r, status, page)
}

// fillHistory reads where the person is signed in and what happened.
func (s *Server) fillHistory(ctx context.Context, v visit, page *templates.Account) error {
	sessions, err := s.liveSessions(ctx, v)
	if err != nil {
		return err
	}
	for _, one := range sessions {
		d := device(one)
		if d.Here = one.ID == v.session.ID; d.Here {
			d.LastUsed = v.now
			page.Devices = slices.Insert(page.Devices, 0, d)
			continue
		}
		d.Link = accountPath + "/sessions/" + one.ID
		page.Devices = append(page.Devices, d)
		page.Others = accountPath + "/sessions/others"
	}
	events, err := s.History.EventsOf(ctx, v.user.ID, toldEvents(), 2*activityShown)
	if err != nil {
		return storeFailed("read what happened", err)
	}
	page.Activity = activity(events)
	return nil
}

// liveSessions are those that an organization of the person still lets be used, whichever that is: one
// that is hidden here could not be ended.
func (s *Server) liveSessions(ctx context.Context, v visit) ([]session.Session, error) {
	policies := []Policy{v.policy}
	for _, o := range v.orgs {
		policies = append(policies, o.Policy)
	}
	sessions, err := s.History.SessionsOf(ctx, v.user.ID)
	if err != nil {
		return nil, storeFailed("read the person's sessions", err)
	}
	return slices.DeleteFunc(sessions, func(one session.Session) bool {
		return !slices.ContainsFunc(policies, func(p Policy) bool { return p.live(one, v.now) })
	}), nil
}

// device is a session in words.
func device(one session.Session) templates.Device {
	return templates.Device{
		Name: cmp.Or(agent.Browser(one.Agent, ""), agent.Unknown), Phone: agent.Handheld(one.Agent), Address: one.IP, Created: one.Created, LastUsed: one.LastUsed,
	}
}

// cards are the person's factors, passkeys first.
func (s *Server) cards(v visit) []templates.Factor {
	var out []templates.Factor
	for _, k := range listed {
		for _, e := range v.of(k) {
			out = append(out, s.card(v, e))
		}
	}
	return out
}

func (s *Server) card(v visit, e factors.Enrollment) templates.Factor {
	card := templates.Factor{
		Kind: string(e.Kind), Name: e.Name, Place: string(e.Place), Created: e.Created, LastUsed: e.LastUsed,
		Here:   slices.Contains(v.tx.Device.Knows, e.ID),
		Barred: v.barred(e.Kind),
		Link:   accountPath + "/factors/" + e.ID,
	}
	if until := HeldUntil(v.orgs, e); v.now.Before(until) {
		card.Held = until
	}
	if e.Place == factors.Synced && s.Keeper != nil {
		card.Keeper = s.Keeper(e)
	}
	return card
}

// barred reports whether nobody asks for k: no organization of the person allows it.
func (v visit) barred(k factors.Kind) bool {
	return !v.policy.Allows(k) && !slices.ContainsFunc(v.orgs, func(o Org) bool { return o.Policy.Allows(k) })
}

func (v visit) recoveryCard() templates.Recovery {
	var out templates.Recovery
	for _, e := range v.of(factors.Recovery) {
		out.Has, out.Created = true, e.Created
	}
	if v.policy.letsRecover(v.enrolled) {
		out.New = accountPath + "/recovery"
	}
	return out
}

// addable reports whether the person may set up another factor of the kind.
func (v visit) addable(k factors.Kind) bool {
	return v.policy.Lets(k) && len(v.of(k)) < MaxOfKind
}

// choices are the kinds that the person may want to be asked for first: those that there are and that
// the policy allows, in its order. A recovery code is for when nothing else is left.
func (v visit) choices() []factors.Kind {
	return slices.DeleteFunc(slices.Clone(v.policy.Factors), func(k factors.Kind) bool {
		return k == factors.Recovery || len(v.of(k)) == 0
	})
}

func words(kinds []factors.Kind) []string {
	var out []string
	for _, k := range kinds {
		out = append(out, string(k))
	}
	return out
}

// trustAgain takes "Not on this device" back. It is about what is offered, so a session is enough, and
// nobody is told.
func (s *Server) trustAgain(w http.ResponseWriter, r *http.Request, v visit) error {
	again := func(d *Device) { d.Refused, d.Remind = false, time.Time{} }
	if err := s.keepDevice(w, r, v.user.ID, nil, again); err != nil {
		return fmt.Errorf("remember the device: %w", err)
	}
	s.seeDone(w, r, "trust")
	return nil
}

package browsertest

import (
	"context"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// Holder is a kind of thing that can hold passkeys.
type Holder struct {
	Key    bool // a security key on USB; otherwise what is built into the device
	Synced bool // its passkeys are carried to other devices (BE and BS are set)
	NoLock bool // it cannot check who holds it: no fingerprint, no face, no PIN
}

// What people hold.
var (
	BuiltIn     = Holder{}
	Cloud       = Holder{Synced: true}
	SecurityKey = Holder{Key: true}
)

// Authenticator is Chromium's virtual authenticator in one tab. It says yes to everything that it is
// asked, at once, until it is told otherwise. WebAuthn works on http://localhost only, by name: see
// Localhost.
type Authenticator struct {
	tab    *Tab
	id     webauthn.AuthenticatorID
	holder Holder
}

// Localhost is the address of a test server by the name that a passkey can be bound to.
func Localhost(url string) string { return strings.Replace(url, "//127.0.0.1:", "//localhost:", 1) }

// Authenticator gives the tab one more authenticator, of which one can be built in. Another tab of
// the person has it only after CopyTo.
func (b *Tab) Authenticator(h Holder) *Authenticator {
	b.t.Helper()
	b.command("enable authenticators", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{})
		return err
	})
	o := &webauthn.VirtualAuthenticatorOptions{
		Protocol:                    webauthn.AuthenticatorProtocolCtap2,
		Ctap2version:                webauthn.Ctap2versionCtap21,
		Transport:                   webauthn.AuthenticatorTransportInternal,
		HasResidentKey:              true,
		HasUserVerification:         !h.NoLock,
		IsUserVerified:              !h.NoLock,
		AutomaticPresenceSimulation: true,
		DefaultBackupEligibility:    h.Synced,
		DefaultBackupState:          h.Synced,
	}
	if h.Key {
		o.Transport = webauthn.AuthenticatorTransportUsb
	}
	a := &Authenticator{tab: b, holder: h}
	b.command("add an authenticator", func(ctx context.Context) error {
		added, err := chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: o})
		a.id = added.AuthenticatorID
		return err
	})
	return a
}

// NoAuthenticator makes the tab one of a device that has none, and that none is plugged into.
func (b *Tab) NoAuthenticator() {
	b.t.Helper()
	b.command("enable authenticators", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{})
		return err
	})
}

// Remove takes the authenticator away, with all that it holds.
func (a *Authenticator) Remove() {
	a.tab.t.Helper()
	call(a, "remove", webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: a.id})
}

// Verifies decides whether the person is recognised from now on: the right finger, the right PIN.
func (a *Authenticator) Verifies(yes bool) {
	a.tab.t.Helper()
	call(a, "set verification of", webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: a.id, IsUserVerified: yes})
}

// Answers decides whether somebody is there to touch it. While nobody is, the browser goes on asking.
func (a *Authenticator) Answers(yes bool) {
	a.tab.t.Helper()
	call(a, "set presence at", webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: a.id, Enabled: yes})
}

// Lie is what an authenticator says wrongly from now on.
type Lie struct {
	Signature bool // it is none
	UV        bool // the flag is not set though the person was verified
	UP        bool // the flag is not set though the person was there
}

// Lies makes the authenticator lie; the zero Lie makes it honest again.
func (a *Authenticator) Lies(l Lie) {
	a.tab.t.Helper()
	call(a, "set the answers of", webauthn.SetResponseOverrideBits, webauthn.SetResponseOverrideBitsParams{
		AuthenticatorID: a.id, IsBogusSignature: &l.Signature, IsBadUV: &l.UV, IsBadUP: &l.UP,
	})
}

// Credentials are the passkeys that it holds.
func (a *Authenticator) Credentials() []*webauthn.Credential {
	a.tab.t.Helper()
	return call(a, "list the passkeys of", webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: a.id}).Credentials
}

// Add puts a passkey into it.
func (a *Authenticator) Add(c *webauthn.Credential) {
	a.tab.t.Helper()
	call(a, "add a passkey to", addCredential, addCredentialParams{AuthenticatorID: a.id, Credential: credential{
		CredentialID: c.CredentialID, IsResidentCredential: c.IsResidentCredential, RpID: c.RpID, PrivateKey: c.PrivateKey,
		UserHandle: c.UserHandle, SignCount: c.SignCount, BackupEligibility: c.BackupEligibility, BackupState: c.BackupState,
		UserName: c.UserName, UserDisplayName: c.UserDisplayName,
	}})
}

// addCredential is webauthn.AddCredential without what only an authenticator of another kind takes:
// Chromium refuses that even when it is false.
var addCredential = cdp.Command[addCredentialParams, cdp.Empty]{Method: webauthn.CommandAddCredential}

type addCredentialParams struct {
	AuthenticatorID webauthn.AuthenticatorID `json:"authenticatorId"`
	Credential      credential               `json:"credential"`
}

type credential struct {
	CredentialID         []byte  `json:"credentialId"`
	IsResidentCredential bool    `json:"isResidentCredential"`
	RpID                 string  `json:"rpId,omitempty"`
	PrivateKey           []byte  `json:"privateKey"`
	UserHandle           []byte  `json:"userHandle,omitempty"`
	SignCount            float64 `json:"signCount"`
	BackupEligibility    bool    `json:"backupEligibility"`
	BackupState          bool    `json:"backupState"`
	UserName             string  `json:"userName,omitempty"`
	UserDisplayName      string  `json:"userDisplayName,omitempty"`
}

// Forget deletes one passkey of it; with no id, all of them.
func (a *Authenticator) Forget(id []byte) {
	a.tab.t.Helper()
	if id == nil {
		call(a, "clear", webauthn.ClearCredentials, webauthn.ClearCredentialsParams{AuthenticatorID: a.id})
		return
	}
	call(a, "delete a passkey of", webauthn.RemoveCredential, webauthn.RemoveCredentialParams{AuthenticatorID: a.id, CredentialID: id})
}

// CopyTo gives another tab an authenticator of the same kind that holds the same passkeys: another
// tab on the same device, or the same account on another device.
func (a *Authenticator) CopyTo(b *Tab) *Authenticator {
	a.tab.t.Helper()
	twin := b.Authenticator(a.holder)
	for _, c := range a.Credentials() {
		twin.Add(c)
	}
	return twin
}

// command runs one command of the DevTools protocol.
func (b *Tab) command(what string, f func(context.Context) error) {
	b.t.Helper()
	b.do(what, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error { return f(ctx) }))
}

func call[P, R any](a *Authenticator, what string, c cdp.Command[P, R], params P) R {
	a.tab.t.Helper()
	var result R
	a.tab.command(what+" the authenticator", func(ctx context.Context) error {
		var err error
		result, err = chromedp.Call(ctx, c, params)
		return err
	})
	return result
}

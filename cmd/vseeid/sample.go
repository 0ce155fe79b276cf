package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/cmd/vseeid/demo"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

// sample is the data of dev: made-up people, organizations and clients, at these addresses.
type sample struct {
	issuer, messenger, clinic string
}

// What everybody may know: serve does not run beside it, but on loopback.
const (
	samplePassword = "demo-password-for-vsee-id"
	clinicSecret   = "clinic-secret-for-development-only"
	reportsSecret  = "reports-secret-for-development-only"
	adminSecret    = "admin-secret-for-development-only"
)

var samplePeople = []struct{ email, name, org, about string }{
	{"charlotte@riverside.example", "Charlotte Jones", "riverside", "organization Riverside: a second factor is required"},
	{"sam@lakeside.example", "Sam Rivera", "lakeside", "organization Lakeside: no second factor"},
	{"solo@example.com", "Sol Okafor", "", "in no organization"},
}

var sampleOrgs = []struct{ id, name, preset string }{
	{"riverside", "Riverside", "standard"},
	{"lakeside", "Lakeside", "off"},
}

// sampleClient is a client with its secret in clear and a line about it.
type sampleClient struct {
	op.Client
	secret string
	about  string
}

// clinicAPI is the API of the demo Clinic: its address, and its name in access tokens.
func (s sample) clinicAPI() string { return s.clinic + "/api" }

func (s sample) clients() []sampleClient {
	browser := []string{op.GrantCode, op.GrantRefresh}
	return []sampleClient{
		{about: "public, PKCE; " + s.messenger + "/callback", Client: op.Client{
			ID: "messenger", Name: "VSee Messenger", AuthMethod: op.AuthNone, GrantTypes: browser,
			Scopes:       []string{"openid", "profile", "email", "offline_access"},
			RedirectURIs: []string{s.messenger + "/callback"}, PostLogoutRedirectURIs: []string{s.messenger + "/"},
			InitiateLoginURI: s.messenger + "/login",
		}},
		{about: "secret " + clinicSecret + "; " + s.clinic + "/callback", secret: clinicSecret, Client: op.Client{
			ID: "clinic", Name: "VSee Clinic", AuthMethod: op.AuthBasic, GrantTypes: browser,
			Scopes:       []string{"openid", "profile", "email", "offline_access"},
			RedirectURIs: []string{s.clinic + "/callback"}, PostLogoutRedirectURIs: []string{s.clinic + "/"},
			InitiateLoginURI: s.clinic + "/login", Audiences: []string{s.clinicAPI()},
		}},
		{about: "client credentials, scope reports:read; secret " + reportsSecret, secret: reportsSecret, Client: op.Client{
			ID: "reports", Name: "Reports", AuthMethod: op.AuthBasic, GrantTypes: []string{op.GrantClientCredentials}, Scopes: []string{"reports:read"},
		}},
		{about: "client credentials, scope admin; secret " + adminSecret, secret: adminSecret, Client: op.Client{
			ID: "admin", Name: "Administration", AuthMethod: op.AuthBasic, GrantTypes: []string{op.GrantClientCredentials}, Scopes: []string{"admin"},
		}},
	}
}

// apps are the two demo apps: Messenger, Clinic.
func (s sample) apps(log *slog.Logger) [2]http.Handler {
	return [2]http.Handler{
		demo.New(demo.Config{
			Issuer: s.issuer, ClientID: "messenger", BaseURL: s.messenger, Name: "VSee Messenger", Tagline: "Secure messages for care teams",
			Look: "messenger", Scopes: []string{"openid", "profile", "email", "offline_access"}, Log: log,
		}),
		demo.New(demo.Config{
			Issuer: s.issuer, ClientID: "clinic", ClientSecret: clinicSecret, BaseURL: s.clinic, Name: "VSee Clinic",
			Tagline: "Visits, notes and prescriptions", Look: "clinic", Scopes: []string{"openid", "profile", "email"}, API: s.clinicAPI(), Log: log,
		}),
	}
}

// hasher makes the hash of a password.
type hasher interface {
	Hash(ctx context.Context, password string) (string, error)
}

// plant writes what is not there yet. What a person has changed since stays, but for the clients'
// addresses, which follow the ports.
func (s sample) plant(ctx context.Context, db *sqldb.DB, keys *secret.Keys, h hasher, now time.Time) error {
	for _, o := range sampleOrgs {
		policy, ok := login.Preset(o.preset)
		if !ok {
			return fmt.Errorf("no preset %q", o.preset)
		}
		err := db.CreateOrg(ctx, login.Org{ID: o.id, Name: o.name, Policy: policy, Created: now, Updated: now}, planted(storage.OrgChanged, now))
		if err != nil && !errors.Is(err, storage.ErrConflict) {
			return err
		}
	}
	for _, c := range s.clients() {
		if err := plantClient(ctx, db, keys, c, now); err != nil {
			return err
		}
	}
	return plantPeople(ctx, db, h, now)
}

func plantClient(ctx context.Context, db *sqldb.DB, keys *secret.Keys, c sampleClient, now time.Time) error {
	c.Created, c.Updated = now, now
	if c.secret != "" {
		c.Secrets = []op.Secret{{Hash: keys.Hash(op.SecretPurpose, c.secret), Created: now}}
	}
	err := db.CreateClient(ctx, c.Client, planted(storage.ClientChanged, now))
	if !errors.Is(err, storage.ErrConflict) {
		return err
	}
	old, err := db.Client(ctx, c.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return nil // it was deleted, and its id is not given again
	}
	if err != nil || slices.Equal(old.RedirectURIs, c.RedirectURIs) && slices.Equal(old.Audiences, c.Audiences) {
		return err
	}
	old.RedirectURIs, old.PostLogoutRedirectURIs, old.InitiateLoginURI = c.RedirectURIs, c.PostLogoutRedirectURIs, c.InitiateLoginURI
	old.Audiences = c.Audiences
	old.Updated = now
	return db.UpdateClient(ctx, old, planted(storage.ClientChanged, now))
}

// plantPeople makes the hash once for all of them, and not at all when all are there.
func plantPeople(ctx context.Context, db *sqldb.DB, h hasher, now time.Time) error {
	hash := ""
	for _, p := range samplePeople {
		_, err := db.UserByEmail(ctx, p.email)
		if err == nil {
			continue
		}
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		if hash == "" {
			if hash, err = h.Hash(ctx, samplePassword); err != nil {
				return err
			}
		}
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		err = db.CreateUser(ctx, login.User{
			ID: id.String(), Email: p.email, EmailVerified: true, Name: p.name, Locale: "en", PasswordHash: hash, PasswordSet: now,
			Created: now, Updated: now,
		}, planted(storage.UserCreated, now))
		if err != nil {
			return err
		}
		if p.org == "" {
			continue
		}
		err = db.AddMember(ctx, login.Membership{UserID: id.String(), OrgID: p.org, Created: now}, planted(storage.MembershipChanged, now))
		if err != nil && !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, storage.ErrConflict) {
			return err // an organization that was deleted stays deleted
		}
	}
	return nil
}

func planted(t storage.EventType, now time.Time) storage.Trail {
	return storage.With(storage.Event{At: now, Type: t, Detail: map[string]string{"actor": "dev"}})
}

// refuseSample refuses a database that was used by dev: everybody knows its passwords and secrets.
// What was changed since is nobody's business here.
func refuseSample(ctx context.Context, db *sqldb.DB, keys *secret.Keys, passwords login.Passwords) error {
	for _, c := range (sample{}).clients() {
		stored, err := db.Client(ctx, c.ID)
		if errors.Is(err, storage.ErrNotFound) || c.secret == "" {
			continue
		}
		if err != nil {
			return plainly(err)
		}
		for _, s := range stored.Secrets {
			if keys.Matches(s.Hash, op.SecretPurpose, c.secret) {
				return fmt.Errorf("client %q has the secret that `vseeid dev` gives it, which everybody knows: delete the client, or give it a new secret", c.ID)
			}
		}
	}
	for _, p := range samplePeople {
		stored, err := db.UserByEmail(ctx, p.email)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return plainly(err)
		}
		known, _, err := passwords.Verify(ctx, stored.PasswordHash, samplePassword)
		if err != nil {
			return err
		}
		if known {
			return fmt.Errorf("%s has the password that `vseeid dev` gives, which everybody knows: delete the account, or give it a new password", p.email)
		}
	}
	return nil
}

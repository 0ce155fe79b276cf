package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

type clientCmd struct {
	Create  clientCreateCmd  `cmd:"" help:"Create a client. If it authenticates, its secret is printed, once."`
	List    clientListCmd    `cmd:"" help:"List clients by id."`
	Show    clientShowCmd    `cmd:"" help:"Show a client."`
	Change  clientChangeCmd  `cmd:"" help:"Change what the given flags name, and nothing else."`
	Disable clientDisableCmd `cmd:"" help:"Refuse everything that a client asks for, until it is enabled again."`
	Enable  clientEnableCmd  `cmd:"" help:"Let a disabled client work again."`
	Delete  clientDeleteCmd  `cmd:"" help:"Delete a client and revoke what it was granted. Its id is never given again."`
	Secret  clientSecretCmd  `cmd:"" help:"Rotate the secret of a client: add the new one, move the app to it, remove the older one."`
}

// clientFlags are what a client is registered with. What was not given is nil.
type clientFlags struct {
	Name           *string  `placeholder:"TEXT" help:"What people know the app by."`
	RedirectURIs   []string `name:"redirect-uri" sep:"none" placeholder:"URI" help:"Where people come back to. Repeat it for several; without a value it empties the list, as with every flag that can be repeated."`
	PostLogoutURIs []string `name:"post-logout-redirect-uri" sep:"none" placeholder:"URI" help:"Where people come back to after signing out."`
	Origins        []string `name:"origin" sep:"none" placeholder:"ORIGIN" help:"Origins of browser apps that may call the token and userinfo endpoints: https://app.example.com."`
	GrantTypes     []string `name:"grant-type" placeholder:"TYPE" help:"authorization_code, refresh_token, client_credentials. At creation the default is authorization_code."`
	Scopes         []string `name:"scope" placeholder:"SCOPE" help:"What it may ask for. At creation the default is openid, profile and email, where people sign in to it."`
	Audiences      []string `name:"audience" sep:"none" placeholder:"URI" help:"The aud of its access tokens. Default: the issuer."`
	AuthMethod     *string  `placeholder:"METHOD" xor:"auth" help:"How it authenticates: none, client_secret_basic or client_secret_post. At creation the default is none for --native, and client_secret_basic otherwise."`
	Public         bool     `xor:"auth" help:"The same as --auth-method none."`
	Native         *bool    `negatable:"" help:"An app on a phone or a desktop: loopback redirects on any port."`
	IDTokenAlg     *string  `name:"id-token-alg" placeholder:"ALG" help:"What signs its ID tokens: RS256, which is the default, or ES256."`
	DefaultACR     []string `name:"default-acr" sep:"none" placeholder:"ACR" help:"One of these is demanded of every sign-in to it."`
	DefaultMaxAge  *string  `placeholder:"TIME" help:"How old a sign-in may be at most: 30m, 12h, 14d; none for no limit."`
	ACRVoluntary   *bool    `name:"acr-voluntary" negatable:"" help:"It takes a weaker sign-in than it asked for, and judges itself."`
	PKCEOptional   *bool    `name:"pkce-optional" negatable:"" help:"Only for an app that keeps a secret and cannot do PKCE."`
	RefreshIdle    *string  `placeholder:"TIME" help:"How long a refresh token may lie unused: 12h, 14d; none for the default, 14d."`
	RefreshOverall *string  `placeholder:"TIME" help:"How long refresh tokens go on from one sign-in: 90d; none for the default, 90d."`
	InitiateLogin  *string  `name:"initiate-login-uri" placeholder:"URI" help:"Where a person can start again when a sign-in is lost."`
}

// apply writes what was given to c, which is valid afterwards. The secrets of a client that does
// not authenticate any more go.
func (f clientFlags) apply(c *op.Client) error {
	set(&c.Name, f.Name)
	setList(&c.RedirectURIs, f.RedirectURIs)
	setList(&c.PostLogoutRedirectURIs, f.PostLogoutURIs)
	setList(&c.Origins, f.Origins)
	setList(&c.GrantTypes, f.GrantTypes)
	setList(&c.Scopes, f.Scopes)
	setList(&c.Audiences, f.Audiences)
	set(&c.Native, f.Native)
	set(&c.IDTokenAlg, f.IDTokenAlg)
	setList(&c.DefaultACR, f.DefaultACR)
	set(&c.ACRVoluntary, f.ACRVoluntary)
	set(&c.PKCEOptional, f.PKCEOptional)
	set(&c.InitiateLoginURI, f.InitiateLogin)
	if f.Public {
		c.AuthMethod = op.AuthNone
	} else if f.AuthMethod != nil {
		c.AuthMethod = op.AuthMethod(*f.AuthMethod)
	}
	if c.AuthMethod == op.AuthNone {
		c.Secrets = nil
	}
	if f.DefaultMaxAge != nil {
		c.DefaultMaxAge = nil
		if *f.DefaultMaxAge != noTime {
			age, err := flagTime("--default-max-age", *f.DefaultMaxAge)
			if err != nil {
				return err
			}
			c.DefaultMaxAge = &age
		}
	}
	var err error
	if f.RefreshIdle != nil {
		if c.RefreshIdle, err = flagTime("--refresh-idle", *f.RefreshIdle); err != nil {
			return err
		}
	}
	if f.RefreshOverall != nil {
		if c.RefreshOverall, err = flagTime("--refresh-overall", *f.RefreshOverall); err != nil {
			return err
		}
	}
	return invalid(c.Validate())
}

// noTime is what a flag says that takes a limit away.
const noTime = "none"

func flagTime(flag, s string) (time.Duration, error) {
	if s == noTime {
		return 0, nil
	}
	d, err := login.ParseDuration(s)
	if err != nil {
		return 0, badSetting("%s: %v", flag, err)
	}
	return time.Duration(d), nil
}

type clientCreateCmd struct {
	settings
	output
	ID string `arg:"" help:"The client_id: visible ASCII that says which app it is."`
	clientFlags
}

func (c *clientCreateCmd) Run(p *process) error {
	now := p.now()
	client := op.Client{ID: c.ID, AuthMethod: op.AuthBasic, GrantTypes: []string{op.GrantCode}, Created: now, Updated: now}
	if c.Native != nil && *c.Native {
		client.AuthMethod = op.AuthNone
	}
	if c.Name == nil {
		return badSetting("--name is missing: it is what people know the app by")
	}
	if err := c.apply(&client); err != nil {
		return err
	}
	if c.Scopes == nil && slices.Contains(client.GrantTypes, op.GrantCode) {
		client.Scopes = []string{"openid", "profile", "email"}
	}
	return c.use(p, func(db *sqldb.DB, keys *secret.Keys) error {
		fresh, err := furnish(p, db, keys, &client)
		if err != nil {
			return err
		}
		err = db.CreateClient(p.ctx, client, p.left(storage.Event{Type: storage.ClientChanged, ClientID: client.ID}, "create"))
		if errors.Is(err, storage.ErrConflict) {
			return fmt.Errorf("%s exists already, or did once: an id is never given again", clientNamed(c.ID))
		}
		if err != nil {
			return plainly(err)
		}
		return c.output.client(p, client, fresh)
	})
}

// furnish gives a client that authenticates its first secret, and returns it.
func furnish(p *process, db *sqldb.DB, keys *secret.Keys, c *op.Client) (fresh string, err error) {
	if c.AuthMethod == op.AuthNone || len(c.Secrets) > 0 {
		return "", nil
	}
	return addSecret(p, db, keys, c, time.Time{})
}

// addSecret gives a client a secret of 256 random bits, and returns it. The client keeps its hash.
func addSecret(p *process, db *sqldb.DB, keys *secret.Keys, c *op.Client, expires time.Time) (string, error) {
	if err := fits(p, db); err != nil {
		return "", err
	}
	b := make([]byte, 32)
	rand.Read(b)
	// The prefix lets scanners of source code find a secret that was committed.
	fresh := "vcs_" + base64.RawURLEncoding.EncodeToString(b)
	c.Secrets = append(c.Secrets, op.Secret{Hash: keys.Hash(op.SecretPurpose, fresh), Created: p.now(), Expires: expires})
	return fresh, nil
}

type clientListCmd struct {
	settings
	output
	paging
}

func (c *clientListCmd) Run(p *process) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		clients, err := db.ListClients(p.ctx, page)
		if err != nil {
			return plainly(err)
		}
		var views []clientView
		var ids []string
		for _, client := range clients {
			views, ids = append(views, viewClient(client)), append(ids, client.ID)
		}
		document := struct {
			Clients []clientView `json:"clients"`
			After   string       `json:"next_after"`
		}{listed(views), c.next(ids)}
		return c.print(p, document, func(w io.Writer) {
			row(w, "ID", "NAME", "AUTHENTICATES BY", "GRANT TYPES", "DISABLED")
			for _, v := range views {
				row(w, v.ID, v.Name, v.AuthMethod, v.GrantTypes, v.Disabled)
			}
			more(w, document.After)
		})
	})
}

type clientShowCmd struct {
	settings
	output
	ID string `arg:""`
}

func (c *clientShowCmd) Run(p *process) error {
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		client, err := db.Client(p.ctx, c.ID)
		if err != nil {
			return told(err, clientNamed(c.ID))
		}
		return c.output.client(p, client, "")
	})
}

type clientChangeCmd struct {
	settings
	output
	ID string `arg:""`
	clientFlags
}

func (c *clientChangeCmd) Run(p *process) error {
	if reflect.DeepEqual(c.clientFlags, clientFlags{}) {
		return badSetting("no flag says what to change")
	}
	return c.use(p, func(db *sqldb.DB, keys *secret.Keys) error {
		fresh := ""
		client, err := changeClient(p, db, c.ID, "change", func(client *op.Client) (err error) {
			if err := c.apply(client); err != nil {
				return err
			}
			fresh, err = furnish(p, db, keys, client)
			return err
		})
		if err != nil {
			return err
		}
		return c.output.client(p, client, fresh)
	})
}

// changeClient reads a client, has it edited and writes it if nobody was in between.
func changeClient(p *process, db *sqldb.DB, id, change string, edit func(*op.Client) error) (op.Client, error) {
	client, err := db.Client(p.ctx, id)
	if err != nil {
		return client, told(err, clientNamed(id))
	}
	unchanged, before := client, viewClient(client)
	switch err := edit(&client); {
	case errors.Is(err, errSame):
		return client, nil
	case err != nil:
		return client, err
	}
	client.Updated = p.now()
	trail, err := p.edited(storage.Event{Type: storage.ClientChanged, ClientID: id}, before, viewClient(client))
	if errors.Is(err, errSame) {
		return unchanged, nil
	}
	if err != nil {
		return client, err
	}
	trail.Events[0].Detail["change"] = change
	err = db.UpdateClient(p.ctx, client, trail)
	return client, told(err, clientNamed(id))
}

type clientDisableCmd struct {
	settings
	output
	ID string `arg:""`
}

func (c *clientDisableCmd) Run(p *process) error {
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		client, err := changeClient(p, db, c.ID, "disable", func(client *op.Client) error {
			if !client.Disabled.IsZero() {
				return errSame
			}
			client.Disabled = p.now()
			return nil
		})
		if err != nil {
			return err
		}
		return c.output.client(p, client, "")
	})
}

type clientEnableCmd struct {
	settings
	output
	ID string `arg:""`
}

func (c *clientEnableCmd) Run(p *process) error {
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		client, err := changeClient(p, db, c.ID, "enable", func(client *op.Client) error {
			if client.Disabled.IsZero() {
				return errSame
			}
			client.Disabled = time.Time{}
			return nil
		})
		if err != nil {
			return err
		}
		return c.output.client(p, client, "")
	})
}

type clientDeleteCmd struct {
	settings
	output
	ID string `arg:""`
}

func (c *clientDeleteCmd) Run(p *process) error {
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		err := db.DeleteClient(p.ctx, c.ID, p.now(), p.left(storage.Event{Type: storage.ClientChanged, ClientID: c.ID}, "delete"))
		if err != nil {
			return told(err, clientNamed(c.ID))
		}
		return c.output.done(p, map[string]any{"client_id": c.ID, "deleted": true}, clientNamed(c.ID)+" is deleted.")
	})
}

func clientNamed(id string) string { return fmt.Sprintf("client %q", id) }

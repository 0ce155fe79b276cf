package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/vsee/vseeid/op/keys"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

type keysCmd struct {
	List      keysListCmd      `cmd:"" help:"List the signing keys, and which of them sign."`
	Rotate    keysRotateCmd    `cmd:"" help:"Make a new signing key for every algorithm, ahead of the ordinary rotation. It is published at once and signs 15 minutes later, when nobody has an old key set any more."`
	NewMaster keysNewMasterCmd `cmd:"" help:"Make a fresh master key. It needs no database."`
}

// keyView is a signing key in documents.
type keyView struct {
	ID         string     `json:"kid"`
	Algorithm  string     `json:"alg"`
	Generation int64      `json:"generation"`
	State      string     `json:"state"` // next, signing, retired or forgotten
	Created    *time.Time `json:"created"`
	ActiveFrom *time.Time `json:"active_from"`
	Expires    *time.Time `json:"expires"`
}

type keysListCmd struct {
	settings
	output
}

func (c *keysListCmd) Run(p *process) error {
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error { return c.output.keys(p, db) })
}

type keysRotateCmd struct {
	settings
	output
}

func (c *keysRotateCmd) Run(p *process) error {
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		if err := fits(p, db); err != nil {
			return err
		}
		ring := keys.New(keys.Config{Store: commanded{db}, Now: p.now})
		if err := ring.Rotate(p.ctx); err != nil {
			return plainly(err)
		}
		return c.output.keys(p, db)
	})
}

// commanded is the store of signing keys when somebody at a command line asked for new ones.
type commanded struct{ *sqldb.DB }

// AddSigningKey implements keys.Store.
func (c commanded) AddSigningKey(ctx context.Context, k keys.Key, trail storage.Trail) error {
	trail.Events = slices.Clone(trail.Events)
	for i, e := range trail.Events {
		detail := maps.Clone(e.Detail)
		detail["actor"], detail["change"] = "cli", "rotate"
		trail.Events[i].Detail = detail
	}
	return c.DB.AddSigningKey(ctx, k, trail)
}

// keys answers with all signing keys and what each of them does now.
func (o output) keys(p *process, db *sqldb.DB) error {
	stored, err := db.SigningKeys(p.ctx)
	if err != nil {
		return fits(p, db)
	}
	now := p.now()
	plan := keys.PlanAt(stored, now)
	var views []keyView
	for _, k := range stored {
		views = append(views, keyView{
			ID: k.ID, Algorithm: k.Algorithm, Generation: k.Generation, State: stateOf(k, plan, now),
			Created: moment(k.Created), ActiveFrom: moment(k.ActiveFrom), Expires: moment(k.Expires),
		})
	}
	document := struct {
		Keys []keyView `json:"keys"`
	}{listed(views)}
	return o.print(p, document, func(w io.Writer) {
		row(w, "KID", "ALG", "GENERATION", "STATE", "ACTIVE FROM", "EXPIRES")
		for _, v := range views {
			row(w, v.ID, v.Algorithm, v.Generation, v.State, v.ActiveFrom, v.Expires)
		}
	})
}

func stateOf(k keys.Key, plan keys.Plan, now time.Time) string {
	switch {
	case plan.Signing[k.Algorithm].ID == k.ID:
		return "signing"
	case k.ActiveFrom.After(now):
		return "next"
	case slices.ContainsFunc(plan.Published, func(o keys.Key) bool { return o.ID == k.ID }):
		return "retired"
	}
	return "forgotten"
}

type keysNewMasterCmd struct {
	output
	File string `placeholder:"PATH" help:"Write the key to this file, readable by its owner only, instead of printing it. A file that exists is kept as it is."`
}

func (c *keysNewMasterCmd) Run(p *process) error {
	key := secret.NewKey()
	if c.File == "" {
		document := struct {
			MasterKey string `json:"master_key"`
		}{key}
		return c.print(p, document, func(w io.Writer) { fmt.Fprintln(w, key) })
	}
	created, err := writeOnce(c.File, key+"\n")
	if err != nil {
		return fmt.Errorf("the master key was not written: %w", reason(err))
	}
	document := struct {
		File    string `json:"file"`
		Created bool   `json:"created"`
	}{c.File, created}
	return c.print(p, document, func(w io.Writer) {
		if created {
			fmt.Fprintf(w, "A fresh master key is in %s. Keep it safe: without it nobody can sign in with what the database holds.\n", c.File)
			return
		}
		fmt.Fprintf(w, "%s exists already and was kept as it is.\n", c.File)
	})
}

// writeOnce makes a file with text in it, readable by its owner only. It returns false, and leaves
// the file alone, if there is one already.
func writeOnce(path, text string) (created bool, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		// Half a key must not be kept for a whole one by the next call.
		return false, errors.Join(err, os.Remove(path))
	}
	return true, nil
}

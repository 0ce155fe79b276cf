package main

import (
	"errors"
	"io"
	"time"

	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Bring the database to the schema of this program. Any number may run at once: one works and the others wait. A new SQLite file is made where there is none."`
	Status migrateStatusCmd `cmd:"" help:"Say which steps of the schema were applied, and change nothing."`
}

type migrateUpCmd struct {
	settings
	output
}

func (c *migrateUpCmd) Run(p *process) error {
	keys, err := c.check()
	if err != nil {
		return err
	}
	return c.open(p, keys, func(db *sqldb.DB, _ *secret.Keys) error {
		if err := db.Migrate(p.ctx); err != nil {
			return plainly(err)
		}
		return c.output.schema(p, db)
	})
}

type migrateStatusCmd struct {
	settings
	output
}

func (c *migrateStatusCmd) Run(p *process) error {
	return c.reach(p, func(db *sqldb.DB, _ *secret.Keys) error { return c.output.schema(p, db) })
}

// schema answers where the schema is, and whether that is where it has to be.
func (o output) schema(p *process, db *sqldb.DB) error {
	steps, err := db.MigrationStatus(p.ctx)
	if err != nil {
		return plainly(err)
	}
	problem := ""
	switch err := db.CheckSchema(p.ctx); {
	case errors.Is(err, sqldb.ErrSchema):
		problem = plainly(err).Error()
	case err != nil:
		return plainly(err)
	}
	type view struct {
		Version int64      `json:"version"`
		Name    string     `json:"name"`
		Applied *time.Time `json:"applied"`
	}
	var views []view
	for _, s := range steps {
		views = append(views, view{s.Version, s.Name, moment(s.Applied)})
	}
	document := struct {
		Fits       bool   `json:"fits"`
		Problem    string `json:"problem"`
		Migrations []view `json:"migrations"`
	}{problem == "", problem, listed(views)}
	return o.print(p, document, func(w io.Writer) {
		row(w, "VERSION", "NAME", "APPLIED")
		for _, v := range views {
			row(w, v.Version, v.Name, v.Applied)
		}
		if problem != "" {
			row(w, capital(problem)+".")
			return
		}
		row(w, "The schema is the one that this program knows.")
	})
}

package storagetest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Postgres returns the DSN of a new, empty database on the server that VSEEID_TEST_POSTGRES names.
// It is dropped when the test ends. Without the variable the test is skipped.
func Postgres(t testing.TB) string {
	t.Helper()
	admin := os.Getenv("VSEEID_TEST_POSTGRES")
	if admin == "" {
		t.Skip("VSEEID_TEST_POSTGRES is not set: make test starts a server and sets it")
	}
	dsn, err := url.Parse(admin)
	if err != nil {
		t.Fatal("VSEEID_TEST_POSTGRES has to be a URL")
	}
	database := "vseeid_test_" + strings.ToLower(rand.Text()[:12])
	run := func(ctx context.Context, statement string) {
		t.Helper()
		conn, err := pgx.Connect(ctx, admin)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	run(t.Context(), `CREATE DATABASE `+database)
	t.Cleanup(func() { run(context.Background(), `DROP DATABASE IF EXISTS `+database+` WITH (FORCE)`) })
	dsn.Path = "/" + database
	return dsn.String()
}

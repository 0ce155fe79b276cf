package op_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/op/keys"
	"github.com/vsee/vseeid/storage/memory"
	"github.com/vsee/vseeid/storage/sqldb"
)

// signature is what one ES256 signature costs on this machine, in this run.
func signature(b *testing.B) time.Duration {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	hash := sha256.Sum256([]byte("hash"))
	const n = 2000
	start := time.Now()
	for range n {
		if _, err := ecdsa.SignASN1(rand.Reader, key, hash[:]); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start) / n
}

// BenchmarkClientCredentials is a grant by the handler, without the network: what is left is
// parsing, the client, its secret, the token and the answer.
func BenchmarkClientCredentials(b *testing.B) {
	secrets := newSecrets(b)
	db, err := sqldb.Open(b.Context(), sqldb.Config{DSN: "sqlite::memory:", Keys: secrets})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	ring := keys.New(keys.Config{Store: db})
	if err := ring.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
	front := &desk{db: db, now: time.Now}
	provider, err := op.New(op.Config{
		Issuer: "https://id.example", Clients: db, Codes: memory.New(memory.Config{}), Grants: db, People: front, Browser: front,
		Begin: front.Begin, Keys: ring, Secrets: secrets, SupportedACR: login.SupportedACR(),
	})
	if err != nil {
		b.Fatal(err)
	}
	client := op.Client{
		ID: "reports", Name: "Reports", AuthMethod: op.AuthBasic, GrantTypes: []string{op.GrantClientCredentials},
		Scopes: []string{"reports:read"}, Created: time.Now(), Updated: time.Now(),
		Secrets: []op.Secret{{Hash: secrets.Hash(op.SecretPurpose, reportsSecret), Created: time.Now()}},
	}
	if err := db.CreateClient(b.Context(), client, noTrail); err != nil {
		b.Fatal(err)
	}
	mux := http.NewServeMux()
	provider.Mount(mux)
	body := url.Values{"grant_type": {"client_credentials"}, "scope": {"reports:read"}}.Encode()

	one := signature(b)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("reports", reportsSecret)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(one), "signatures/op")
}

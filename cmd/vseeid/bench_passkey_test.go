package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/pquerna/otp/totp"
	"github.com/redis/go-redis/v9"

	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/op/optest"
)

// BenchmarkPasskey is a whole sign-in by a passkey, straight from the first page: the authorization
// request, the page, the answer of the passkey, and the code redeemed for tokens. x/floor-wall is the
// person's time in front of it, with the time of the benchmark's own browser and phone in it, in what
// it cannot do without: one verification of ES256, and as many round trips to PostgreSQL and Redis as
// it makes, three of them commits (the use of the passkey, the session, the grant). x/verify is the
// server's time on a core in verifications.
func BenchmarkPasskey(b *testing.B) {
	const round = 10
	own := newOwnRedis(b) // which counts the commands of nobody else
	s := startProgramOn(b, own.addr)
	app := s.app(b, browserClient("clinic", "ES256"))
	people := make([]holder, round)
	for i := range people {
		people[i] = s.holder(b, app)
	}
	f := newFloor(b, s, own.addr)
	signIns := func() {
		for _, p := range people {
			s.discover(b, app, p)
		}
	}
	signIns()
	f.count(b, 3*round, func() {
		for range 3 {
			signIns()
		}
	})

	var spent, verified time.Duration
	var whole, floors []time.Duration
	for b.Loop() {
		spent += s.busy(b, func() {
			for _, p := range people {
				whole = append(whole, elapsed(func() { s.discover(b, app, p) }))
			}
		})
		for range round {
			floors = append(floors, elapsed(func() { f.all(b) }))
		}
		verified += busy(b, func() {
			for range 100 * round {
				f.verify(b)
			}
		}) / 100
	}
	done := float64(b.N * round)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(whole)/median(floors), "x/floor-wall")
	b.ReportMetric(float64(spent)/float64(verified), "x/verify")
	b.ReportMetric(median(whole)/1e6, "ms/sign-in-wall")
	b.ReportMetric(median(floors)/1e6, "ms/floor-wall")
	b.ReportMetric(spent.Seconds()*1000/done, "ms/sign-in")
	b.ReportMetric(verified.Seconds()*1e6/done, "µs/verify")
	b.ReportMetric(float64(f.database), "pg/sign-in")
	b.ReportMetric(float64(f.redis), "redis/sign-in")
}

// holder is a visitor with a passkey.
type holder struct {
	visitor
	phone *passkeytest.Authenticator
}

// holder signs a new visitor in by the authenticator app, and makes the passkey that is offered then.
func (s *program) holder(b *testing.B, app *optest.App) holder {
	b.Helper()
	p := holder{s.visitor(b), passkeytest.NewSynced(s.issuer)}
	flow := app.Begin()
	page := p.browser(b, s).Open(flow.URL()).Submit("email", p.email).Submit("password", samplePassword)
	code, err := totp.GenerateCode(base32.StdEncoding.EncodeToString(p.seed), time.Now())
	must(b, err)
	page = page.Submit("code", code).Passkey()
	wantToken(b, app.Redeem(flow, flow.Code(page.Submit("name", "Phone"))))
	return p
}

// browser is one that knows nothing of the person.
func (p holder) browser(b *testing.B, s *program) *optest.Browser {
	out := optest.NewBrowser(b, s.issuer)
	out.AsPhone(p.phone)
	out.HTTP.Transport = from(p.address)
	return out
}

// discover signs in without a name and without a password.
func (s *program) discover(b *testing.B, app *optest.App, p holder) {
	b.Helper()
	flow := app.Begin()
	wantToken(b, app.Redeem(flow, flow.Code(p.browser(b, s).Open(flow.URL()).Passkey())))
}

// floor is what no sign-in by a passkey can do without.
type floor struct {
	public          *ecdsa.PublicKey
	hash, signature []byte
	conn            *pgx.Conn
	client          *redis.Client
	database, redis int // round trips of a sign-in
}

// commits are the round trips to the database that change something for good.
const commits = 3

func newFloor(b *testing.B, s *program, redisAddr string) *floor {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(b, err)
	hash := sha256.Sum256([]byte("what an authenticator signs"))
	f := &floor{public: &key.PublicKey, hash: hash[:], client: redis.NewClient(&redis.Options{Addr: redisAddr})}
	b.Cleanup(func() { must(b, f.client.Close()) })
	f.signature, err = ecdsa.SignASN1(rand.Reader, key, hash[:])
	must(b, err)
	f.conn, err = pgx.Connect(b.Context(), s.dsn)
	must(b, err)
	b.Cleanup(func() { must(b, f.conn.Close(context.Background())) })
	_, err = f.conn.Exec(b.Context(), `CREATE TABLE bench (id text PRIMARY KEY, at timestamptz NOT NULL)`)
	must(b, err)
	return f
}

// count finds out how many round trips n sign-ins make.
func (f *floor) count(b *testing.B, n int, signIns func()) {
	b.Helper()
	database, commands := f.transactions(b), f.commands(b)
	signIns()
	f.redis = (f.commands(b) - commands) / n
	f.database = (f.transactions(b) - database) / n
	if f.database < commits || f.redis < 2 {
		b.Fatalf("%d round trips to PostgreSQL and %d to Redis: they were not counted", f.database, f.redis)
	}
}

// transactions is how many the database has seen. It hears of them a second later.
func (f *floor) transactions(b *testing.B) (n int) {
	b.Helper()
	for last := -1; n != last; {
		last = n
		<-time.After(1500 * time.Millisecond)
		must(b, f.conn.QueryRow(b.Context(), `SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()`).Scan(&n))
		if n-last <= 3 { // our own, and those of who works beside the requests
			break
		}
	}
	return n
}

// commands is how often Redis was asked: what a script of ours asks for in turn is no round trip.
func (f *floor) commands(b *testing.B) int {
	b.Helper()
	info, err := f.client.Info(b.Context(), "stats").Result()
	must(b, err)
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "total_reads_processed:"); ok {
			n, err := strconv.Atoi(value)
			must(b, err)
			return n
		}
	}
	b.Fatal("Redis does not count what it is asked")
	return 0
}

func (f *floor) verify(b *testing.B) {
	if !ecdsa.VerifyASN1(f.public, f.hash, f.signature) {
		b.Fatal("a signature is wrong")
	}
}

// all does everything once, one after the other.
func (f *floor) all(b *testing.B) {
	f.verify(b)
	for range commits {
		_, err := f.conn.Exec(b.Context(), `INSERT INTO bench VALUES ($1, $2)`, uuid.NewString(), time.Now())
		must(b, err)
	}
	for range f.database - commits {
		var n int
		must(b, f.conn.QueryRow(b.Context(), `SELECT count(*) FROM bench WHERE id = $1`, "none").Scan(&n))
	}
	for range f.redis {
		must(b, f.client.Set(b.Context(), "bench", "value", time.Minute).Err())
	}
}

package login_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

func TestT41_T40_EndOfASession(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	b := w.browser()
	b.password(b.begin(login.Demand{}), u)
	result := w.results()[0]
	must(t, w.recheck(t.Context(), result, nil, false))
	if got := b.post("/logout"); got.status != http.StatusOK || b.cookie("vseeid-session") != "" {
		t.Errorf("%d, cookie %q", got.status, b.cookie("vseeid-session"))
	}
	if got := b.post("/logout"); got.status != http.StatusOK {
		t.Errorf("a second time: %d", got.status)
	}
	denied(t, w.recheck(t.Context(), result, nil, false))
	must(t, w.recheck(t.Context(), result, nil, true))
	b.begin(login.Demand{Silent: true}).is(t, "failed", login.ErrorLoginRequired)
	if n := w.count(u.ID, storage.SessionEnded); n != 1 {
		t.Errorf("%d ends noted", n)
	}
}

func denied(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, login.ErrDenied) {
		t.Errorf("not denied: %v", err)
	}
}

// A new password ends what the old one proved, also for an app that is offline.
func TestT40_NewPassword(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	b := w.browser()
	b.password(b.begin(login.Demand{}), u)
	result := w.results()[0]
	must(t, w.recheck(t.Context(), result, nil, true))
	must(t, w.db.SetPassword(t.Context(), u.ID, "another hash", w.now().Add(time.Second), storage.Trail{}))
	denied(t, w.recheck(t.Context(), result, nil, true))
	denied(t, w.recheck(t.Context(), result, nil, false))
}

// recheck is what Recheck says of a grant, but for the scopes.
func (w *world) recheck(ctx context.Context, r login.Result, floor []string, offline bool) error {
	_, err := w.signIn.Recheck(ctx, r, floor, offline)
	return err
}

func TestRecheck(t *testing.T) {
	w := newWorld(t, sqlite(t))
	ctx := t.Context()
	w.org("lakeside", preset("off"))
	u := w.person("anna", "lakeside")
	b := w.browser()
	b.password(b.begin(login.Demand{}), u)
	single := w.results()[0]
	must(t, w.recheck(ctx, single, nil, false))

	// A new epoch under which the proof is still good.
	w.setPolicy("lakeside", preset("off", func(p *login.Policy) { p.Reuse /= 2 }))
	must(t, w.recheck(ctx, single, nil, false))
	// One that asks for more.
	w.setPolicy("lakeside", preset("standard"))
	denied(t, w.recheck(ctx, single, nil, false))
	denied(t, w.recheck(ctx, single, nil, true))
	// Optional asks only who has something.
	w.setPolicy("lakeside", preset("standard", func(p *login.Policy) { p.MFA = login.Optional }))
	must(t, w.recheck(ctx, single, nil, true))

	w.setPolicy("lakeside", preset("standard"))
	w.browser().setUp(u, login.Demand{})
	double := w.results()[1]
	must(t, w.recheck(ctx, double, nil, true))
	w.setPolicy("lakeside", preset("standard", func(p *login.Policy) { p.MFA = login.Optional }))
	denied(t, w.recheck(ctx, single, nil, true))
	must(t, w.recheck(ctx, double, nil, true))
	// The factor is not allowed any more.
	w.setPolicy("lakeside", preset("strict", func(p *login.Policy) { p.Factors = []factors.Kind{factors.Passkey} }))
	denied(t, w.recheck(ctx, double, nil, true))
	w.setPolicy("lakeside", preset("standard"))
	must(t, w.recheck(ctx, double, nil, true))

	// A stricter organization that the person joined binds a grant that named none.
	w.org("keys", preset("strict", func(p *login.Policy) { p.Factors = []factors.Kind{factors.Passkey} }))
	must(t, w.db.AddMember(ctx, login.Membership{UserID: u.ID, OrgID: "keys", Created: w.now()}, storage.Trail{}))
	denied(t, w.recheck(ctx, double, nil, true))
	must(t, w.db.RemoveMember(ctx, u.ID, "keys", storage.Trail{}))
	must(t, w.recheck(ctx, double, nil, true))

	// P-39: out of the organization, disabled, gone.
	must(t, w.db.RemoveMember(ctx, u.ID, "lakeside", storage.Trail{}))
	denied(t, w.recheck(ctx, double, nil, true))
	must(t, w.db.AddMember(ctx, login.Membership{UserID: u.ID, OrgID: "lakeside", Created: w.now()}, storage.Trail{}))
	must(t, w.recheck(ctx, double, nil, true))
	must(t, w.db.DisableUser(ctx, u.ID, w.now(), storage.Trail{}))
	denied(t, w.recheck(ctx, double, nil, true))
	_, err := w.signIn.Claims(ctx, u.ID)
	denied(t, err)
	must(t, w.db.EnableUser(ctx, u.ID, w.now(), storage.Trail{}))
	claims, err := w.signIn.Claims(ctx, u.ID)
	must(t, err)
	if claims.Email != u.Email || claims.Name != u.Name {
		t.Errorf("claims: %+v", claims)
	}
	must(t, w.db.DeleteUser(ctx, u.ID, w.now(), storage.Trail{}))
	denied(t, w.recheck(ctx, double, nil, true))
	_, err = w.signIn.Claims(ctx, u.ID)
	denied(t, err)
	if err := w.recheck(ctx, login.Result{UserID: u.ID}, nil, true); err == nil {
		t.Error("a grant without a proof is good")
	}
}

func TestRecheck_SessionLimits(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("strict"))
	u := w.person("anna", "riverside")
	b := w.browser()
	b.setUp(u, login.Demand{})
	r := w.results()[0]
	w.pass(30 * time.Minute)
	must(t, w.recheck(t.Context(), r, nil, false))
	w.pass(time.Second)
	denied(t, w.recheck(t.Context(), r, nil, false))
	b.begin(login.Demand{Silent: true}).is(t, "failed", login.ErrorLoginRequired)
}

// grant is what op keeps of a sign-in of which ev was the proof.
func (w *world) grant(u login.User, org string, ev ...factors.Evidence) login.Result {
	w.t.Helper()
	proof := map[string]any{"evidence": ev, "changes": w.user(u).Changes}
	if org != "" {
		o, err := w.db.Org(w.t.Context(), org)
		must(w.t, err)
		proof["named"], proof["bound"], proof["epoch"] = org, org, o.Policy.Epoch
	}
	b, err := json.Marshal(proof)
	must(w.t, err)
	return login.Result{UserID: u.ID, OrgID: org, Proof: b}
}

// enrolls sets a factor up for a person behind everybody's back.
func (w *world) enrolls(u login.User, kinds ...factors.Kind) []factors.Enrollment {
	w.t.Helper()
	for _, k := range kinds {
		id := uuid.Must(uuid.NewV7()).String()
		must(w.t, w.db.AddEnrollment(w.t.Context(), factors.Enrollment{
			ID: id, UserID: u.ID, Kind: k, Secret: []byte(id), Handle: map[bool][]byte{true: []byte(id)}[k == factors.Passkey],
			Name: id, Created: w.now(), Confirmed: w.now(),
		}, w.user(u).Grounds(), false, storage.Trail{}))
	}
	out, err := w.db.Enrollments(w.t.Context(), u.ID)
	must(w.t, err)
	return out
}

// removes takes a factor from a person behind everybody's back.
func (w *world) removes(u login.User, enrollmentID string) {
	w.t.Helper()
	must(w.t, w.db.RemoveEnrollment(w.t.Context(), login.Removal{
		UserID: u.ID, EnrollmentID: enrollmentID, On: w.user(u).Grounds(), At: w.now(),
	}, func(login.Removed) storage.Trail { return storage.Trail{} }))
}

// holds is the proof of a factor, by which a passkey verified its user.
func holds(e factors.Enrollment, amr ...string) factors.Evidence {
	ev := factors.Evidence{Kind: e.Kind, Source: string(e.Kind) + ":" + e.ID, Class: factors.Has, AMR: amr, At: noon}
	if e.Kind == factors.Passkey {
		ev.Class |= factors.Is
	}
	return ev
}

// What a policy demands from a day on, it demands of the grants of before.
func TestA21_T25_DemandThatBeginsByItself(t *testing.T) {
	w := newWorld(t, sqlite(t))
	ctx, pwd := t.Context(), proofs("pwd")[0]
	w.org("riverside", preset("standard", func(p *login.Policy) { p.From = noon.Add(time.Hour) }))
	w.org("lakeside", preset("standard", func(p *login.Policy) { p.Grace.Days = 2 }))
	u, v := w.person("anna", "riverside"), w.person("bert", "lakeside")
	app := w.enrolls(u, factors.TOTP)[0]
	single, double, other := w.grant(u, "riverside", pwd), w.grant(u, "riverside", pwd, holds(app, "otp")), w.grant(v, "lakeside", pwd)
	w.pass(time.Hour - 1)
	must(t, w.recheck(ctx, single, nil, true))
	w.pass(1)
	denied(t, w.recheck(ctx, single, nil, true))
	must(t, w.recheck(ctx, double, nil, true))
	w.pass(47*time.Hour - 1)
	must(t, w.recheck(ctx, other, nil, true))
	w.pass(1)
	denied(t, w.recheck(ctx, other, nil, true))
}

// What was put off is good for the sign-in in which it was, the last time too.
func TestA21_LastTimeToPutOff(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard", func(p *login.Policy) { p.Grace.Skips = 2 }))
	u := w.person("anna", "riverside")
	for range 2 {
		b := w.browser()
		p := b.password(b.begin(login.Demand{}), u)
		p.shows(t, http.StatusOK, "Secure Your Account")
		b.follow(b.post(p.on("later"))).is(t, "amr", "pwd")
	}
	b := w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	p.shows(t, http.StatusOK, "Secure Your Account")
	b.follow(b.post(p.on("later"))).shows(t, http.StatusOK, "Secure Your Account")
	if n := w.count(u.ID, storage.EnrollmentPutOff); n != 2 {
		t.Errorf("put off %d times", n)
	}
	for _, r := range w.results() {
		if slices.Contains(r.AMR, "mfa") {
			t.Errorf("amr %v", r.AMR)
		}
		must(t, w.recheck(t.Context(), r, nil, false))
	}
	w.setPolicy("riverside", preset("standard"))
	for _, r := range w.results() {
		denied(t, w.recheck(t.Context(), r, nil, false))
	}
}

// TestA21_PutOffForAnOfflineGrant: what was put off is good for as long as a session of that sign-in
// could live, also where none has to.
func TestA21_PutOffForAnOfflineGrant(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard", func(p *login.Policy) { p.Grace.Skips = 1 }))
	u := w.person("anna", "riverside")
	b := w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	b.follow(b.post(p.on("later"))).is(t, "amr", "pwd")
	r := w.results()[0]
	w.pass(7 * 24 * time.Hour)
	must(t, w.recheck(t.Context(), r, nil, true))
	w.pass(1)
	denied(t, w.recheck(t.Context(), r, nil, true))
	// Where it may still be put off, nothing is demanded.
	w.setPolicy("riverside", preset("standard", func(p *login.Policy) { p.Grace.Skips = 2 }))
	must(t, w.recheck(t.Context(), r, nil, true))
}

// TestT50_FactorTakenFromAGrant: what rests on a factor ends with it, and nothing else.
func TestT50_FactorTakenFromAGrant(t *testing.T) {
	w := newWorld(t, sqlite(t))
	ctx, pwd := t.Context(), proofs("pwd")[0]
	w.org("lakeside", preset("off"))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "lakeside", "riverside")
	all := w.enrolls(u, factors.TOTP, factors.Passkey)
	app, key := holds(all[0], "otp"), holds(all[1], "hwk", "pop", "user")
	byApp, byKey, beside := w.grant(u, "riverside", pwd, app), w.grant(u, "riverside", key), w.grant(u, "lakeside", pwd, app)
	alone := w.grant(u, "lakeside", key)
	every := []login.Result{byApp, byKey, beside, alone}
	for _, r := range every {
		must(t, w.recheck(ctx, r, nil, true))
	}
	w.removes(u, all[0].ID)
	denied(t, w.recheck(ctx, byApp, nil, true))
	for _, r := range []login.Result{byKey, beside, alone} {
		must(t, w.recheck(ctx, r, nil, true))
	}
	denied(t, w.recheck(ctx, beside, []string{login.ACRMultiFactor}, true))
	w.removes(u, all[1].ID)
	denied(t, w.recheck(ctx, byKey, nil, true))
	denied(t, w.recheck(ctx, alone, nil, true)) // nothing is left of it, whatever is asked
	must(t, w.recheck(ctx, beside, nil, true))
}

// TestP39_GrantOfBeforeTheFactor: where the policy asks who has a factor, it asks the grants of before it
// too, and those of the sign-in that set it up are asked for nothing.
func TestP39_GrantOfBeforeTheFactor(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	thief := w.browser()
	thief.password(thief.begin(login.Demand{}), u).is(t, "amr", "pwd")
	owner := w.browser()
	p := owner.password(owner.follow(owner.get("/account/add/totp")), u)
	p = owner.follow(owner.post(p.on("enroll"), "code", w.app(p.seed(t))))
	owner.follow(owner.post(p.on("recovery"), "confirmed", "true")).shows(t, http.StatusOK, "Your Account")
	owner.begin(login.Demand{Silent: true}).is(t, "amr", "mfa otp pwd")
	thief.begin(login.Demand{Silent: true}).is(t, "failed", login.ErrorInteractionRequired)
	r := w.results()
	denied(t, w.recheck(t.Context(), r[0], nil, false))
	denied(t, w.recheck(t.Context(), r[0], nil, true))
	must(t, w.recheck(t.Context(), r[1], nil, false))
}

// TestP39_GrantByTheMailboxOfBefore: a code that was mailed to what is not the person's any more proves
// nothing, to a refresh as to a sign-in.
func TestP39_GrantByTheMailboxOfBefore(t *testing.T) {
	for name, change := range map[string]func(*login.User){
		"another address": func(u *login.User) { u.Email = "anna.new@example.com" },
		"unverified":      func(u *login.User) { u.EmailVerified = false },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			w.org("riverside", preset("standard"))
			u := w.verified(w.person("anna", "riverside"))
			w.browser().setUp(u, login.Demand{})
			b := w.browser()
			p := b.byMail(b.password(b.begin(login.Demand{}), u))
			b.follow(b.post(p.on("challenge"), "code", w.mailed(u))).is(t, "amr", "mca mfa otp pwd")
			r := w.results()[len(w.results())-1]
			must(t, w.recheck(t.Context(), r, nil, false))
			have := w.user(u)
			change(&have)
			must(t, w.db.UpdateUser(t.Context(), have, storage.Trail{}))
			b.begin(login.Demand{Silent: true}).is(t, "failed", login.ErrorInteractionRequired)
			denied(t, w.recheck(t.Context(), r, nil, false))
			denied(t, w.recheck(t.Context(), r, nil, true))
		})
	}
}

// A reset takes everything that was proved before, of everybody's grants of the person.
func TestT40_ResetEndsGrants(t *testing.T) {
	w := newWorld(t, sqlite(t))
	ctx := t.Context()
	u := w.person("anna")
	app := holds(w.enrolls(u, factors.TOTP)[0], "otp")
	before := w.grant(u, "", proofs("pwd")[0], app)
	must(t, w.recheck(ctx, before, nil, true))
	w.pass(time.Minute)
	_, err := w.db.ResetFactors(ctx, u.ID, w.now(), storage.Trail{})
	must(t, err)
	denied(t, w.recheck(ctx, before, nil, true))
	later := proofs("pwd")[0]
	later.At = w.now()
	must(t, w.recheck(ctx, w.grant(u, "", later), nil, true))
}

// TestA20_ClientsFloorOfNow: what a client's registration demands binds the grants that it has.
func TestA20_ClientsFloorOfNow(t *testing.T) {
	w := newWorld(t, sqlite(t))
	ctx, pwd := t.Context(), proofs("pwd")[0]
	w.org("lakeside", preset("off"))
	u := w.person("anna", "lakeside")
	all := w.enrolls(u, factors.TOTP, factors.Passkey)
	single, double := w.grant(u, "lakeside", pwd), w.grant(u, "lakeside", pwd, holds(all[0], "otp"))
	key := w.grant(u, "lakeside", holds(all[1], "hwk", "pop", "user"))
	for _, c := range []struct {
		floor               []string
		single, double, key bool
	}{
		{nil, true, true, true},
		{[]string{login.ACRSingle}, true, true, true},
		{[]string{login.ACRMultiFactor}, false, true, true},
		{[]string{"phr", login.ACRAAL2}, false, true, true},
		{[]string{"phr"}, false, false, true},
		{[]string{"phrh"}, false, false, true},
		{[]string{"gold"}, false, false, false},
	} {
		for r, want := range map[*login.Result]bool{&single: c.single, &double: c.double, &key: c.key} {
			if err := w.recheck(ctx, *r, c.floor, true); (err == nil) != want || (err != nil && !errors.Is(err, login.ErrDenied)) {
				t.Errorf("%v of %s: %v", c.floor, r.Proof, err)
			}
		}
	}
	// The policy does not take the key's own word any more.
	w.setPolicy("lakeside", preset("off", func(p *login.Policy) { p.HardwareKeys = login.Attested }))
	denied(t, w.recheck(ctx, key, []string{"phrh"}, true))
	must(t, w.recheck(ctx, key, []string{"phr"}, true))
	// Nor the key.
	w.setPolicy("lakeside", preset("off", func(p *login.Policy) { p.Factors = []factors.Kind{factors.TOTP} }))
	denied(t, w.recheck(ctx, key, nil, true))
}

// trips counts what is read beside the person's standing.
type trips struct {
	*sqldb.DB
	n *atomic.Int64
}

func (d trips) Enrollments(ctx context.Context, userID string) ([]factors.Enrollment, error) {
	d.n.Add(1)
	return d.DB.Enrollments(ctx, userID)
}

// Nothing but the standing is read for a grant that nothing has happened to.
func TestP39_RecheckIsOneRoundTrip(t *testing.T) {
	var n atomic.Int64
	w := newWorld(t, sqlite(t), func(c *login.Config) { c.Enrollments = trips{c.Enrollments.(*sqldb.DB), &n} })
	w.org("riverside", preset("standard", func(p *login.Policy) { p.From = noon }))
	u := w.person("anna", "riverside")
	all := w.enrolls(u, factors.TOTP, factors.TOTP)
	r := w.grant(u, "riverside", proofs("pwd")[0], holds(all[0], "otp"))
	must(t, w.recheck(t.Context(), r, []string{login.ACRMultiFactor}, true))
	if n.Load() != 0 {
		t.Errorf("%d reads", n.Load())
	}
	w.removes(u, all[1].ID)
	must(t, w.recheck(t.Context(), r, nil, true))
	if n.Load() != 1 {
		t.Errorf("%d reads after a removal", n.Load())
	}
}

// T-52, T-50: who reads the tokens of an organization takes them for a sign-in that it accepts, also where
// another organization of the person has come to bind since.
func TestT50_GrantOfAnOrganizationThatIsNotMet(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("aarau", preset("standard"))
	w.org("zurich", preset("standard"))
	u, b := w.person("anna", "aarau", "zurich"), w.browser()
	b.setUp(u, login.Demand{})
	r := w.results()[0]
	w.setPolicy("zurich", preset("standard", func(p *login.Policy) { p.Enrollment = login.ByTicket }))
	must(t, w.recheck(t.Context(), r, nil, true))
	w.setPolicy("aarau", onlyPasskeys(func(*login.Policy) {}))
	if err := w.recheck(t.Context(), r, nil, true); !errors.Is(err, login.ErrDenied) {
		t.Errorf("tokens of org_id %s go on by %v: %v", r.OrgID, r.AMR, err)
	}
}

// T-50: a grant that says more than its proof by now, because the policy calls fewer keys hardware, is over.
func TestT50_GrantSaysWhatIsSoNoMore(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u, phone := w.person("anna", "riverside"), w.phone()
	_, _, p := phone.setUp(u, login.Demand{})
	p = phone.follow(phone.make(p))
	phone.follow(phone.post(p.on("name"), "name", "x"))
	phone.follow(phone.use(phone.anew(u))).is(t, "acr", login.ACRHardware)
	asked := phone.begin(login.Demand{ACR: []string{login.ACRPhishing}})
	asked.is(t, "acr", login.ACRPhishing)
	w.setPolicy("riverside", preset("standard", func(p *login.Policy) { p.HardwareKeys = login.Attested }))
	phone.begin(login.Demand{}).is(t, "acr", login.ACRPhishing) // a sign-in of now says less
	results := w.results()
	for _, r := range results[len(results)-3 : len(results)-1] {
		if err := w.recheck(t.Context(), r, nil, true); !errors.Is(err, login.ErrDenied) {
			t.Errorf("tokens go on saying %s %v: %v", r.ACR, r.AMR, err)
		}
	}
	must(t, w.recheck(t.Context(), w.results()[len(results)-1], nil, true))
}

package login_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
)

const walks = 20_000

// dice returns random numbers that VSEEID_TEST_SEED repeats.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("VSEEID_TEST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("VSEEID_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// scene is everything that Next is asked about.
type scene struct {
	tx       login.Transaction
	policy   login.Policy
	enrolled []factors.Enrollment
}

func (s scene) next() login.Step { return login.Next(s.tx, s.policy, s.enrolled, noon) }

func one[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func some[T any](r *rand.Rand, of ...T) []T {
	out := slices.Clone(of)
	r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out[:r.IntN(len(out)+1)]
}

func anyACR(r *rand.Rand) []string {
	return some(r, login.ACRSingle, login.ACRMultiFactor, login.ACRAAL2, login.ACRPhishing, "gold")
}

func anyScene(r *rand.Rand) scene {
	s := scene{policy: preset(one(r, "off", "standard", "strict"))}
	s.policy.MFA = one(r, login.Off, login.Optional, login.Required)
	s.policy.Factors = some(r, factors.Passkey, factors.TOTP, factors.Email, factors.Recovery)
	for _, k := range some(r, "totp", "passkey", "email", "recovery", "recovery?") {
		if !slices.ContainsFunc(s.enrolled, func(e factors.Enrollment) bool { return e.ID == enrollments(k)[0].ID }) {
			s.enrolled = append(s.enrolled, enrollments(k)...)
		}
	}
	s.tx = login.Transaction{
		Started: noon.Add(-2 * time.Minute),
		UserID:  one(r, "", "anna", "anna"), Chosen: one(r, "", factors.TOTP, factors.Recovery, factors.Passkey),
		Demand: login.Demand{
			ACR: anyACR(r), FloorACR: one(r, nil, nil, anyACR(r)),
			Essential: r.IntN(4) == 0, Voluntary: r.IntN(4) == 0, Fresh: r.IntN(4) == 0, Silent: r.IntN(4) == 0,
			Subject: one(r, "", "", "anna", "bert"),
			MaxAge:  one(r, nil, nil, ago(0), ago(time.Minute), ago(3*time.Hour)),
		},
		PutOff: some(r, login.OfferRecovery),
	}
	s.tx.Identifier = one(r, "", "anna@example.com")
	if s.tx.UserID != "" {
		s.tx.Identifier = "anna@example.com"
		s.tx.Borrowed = anyProofs(r, true)
		s.tx.Proved = anyProofs(r, false)
	}
	return s
}

func anyProofs(r *rand.Rand, old bool) []factors.Evidence {
	var out []factors.Evidence
	for _, name := range some(r, "pwd", "fed", "fedmfa", "totp", "lost", "recovery", "email", "mailfed", "key", "keyuv", "syncuv") {
		age := "-1m"
		if old {
			age = one(r, "-1m", "-2h", "-11h", "-13h", "-200h")
		}
		out = append(out, proofs(name+age)...)
	}
	return out
}

func TestWalk_SilentNeverYieldsAPage(t *testing.T) {
	r := dice(t)
	for range walks {
		s := anyScene(r)
		s.tx.Demand.Silent = true
		step := s.next()
		switch {
		case step.Kind != login.Done && step.Kind != login.Fail, step.Kind == login.Fail && step.Error == "":
			t.Fatalf("%s of %+v", said(step), s)
		}
	}
}

func TestWalk_OrderOfEvidenceDoesNotMatter(t *testing.T) {
	r := dice(t)
	for range walks {
		s := anyScene(r)
		shuffled := s
		for _, list := range []*[]factors.Evidence{&shuffled.tx.Borrowed, &shuffled.tx.Proved} {
			*list = slices.Clone(*list)
			r.Shuffle(len(*list), func(i, j int) { (*list)[i], (*list)[j] = (*list)[j], (*list)[i] })
		}
		if d := cmp.Diff(s.next(), shuffled.next()); d != "" {
			t.Fatalf("%s\n%+v", d, s)
		}
		a := login.Counted(s.tx, s.policy, s.enrolled, noon)
		b := login.Counted(shuffled.tx, shuffled.policy, shuffled.enrolled, noon)
		if d := cmp.Diff(a, b); d != "" {
			t.Fatalf("%s\n%+v", d, s)
		}
	}
}

func TestWalk_RevokedEvidenceNeverHelps(t *testing.T) {
	r := dice(t)
	for range walks {
		s := anyScene(r)
		kind := one(r, factors.TOTP, factors.Passkey)
		s.enrolled = slices.DeleteFunc(s.enrolled, func(e factors.Enrollment) bool { return e.Kind == kind })
		without := s
		for _, list := range []*[]factors.Evidence{&without.tx.Borrowed, &without.tx.Proved} {
			*list = slices.DeleteFunc(slices.Clone(*list), func(e factors.Evidence) bool { return e.Kind == kind })
		}
		a, b := s.next(), without.next()
		// A code for an offer is for who proved a factor; what was revoked earns none.
		if a.Kind == login.Done && b.Kind != login.Done {
			t.Fatalf("%s with what was revoked, %s without\n%+v", said(a), said(b), s)
		}
		if a.Kind != b.Kind && a.Kind != login.Offer {
			t.Fatalf("%s with what was revoked, %s without\n%+v", said(a), said(b), s)
		}
	}
}

func TestWalk_AskingForMoreNeverYieldsLess(t *testing.T) {
	r := dice(t)
	for range walks {
		more := anyScene(r)
		more.tx.Demand.Silent = false
		// Among alternatives the preferred one is asked for as soon as it can be reached, so less
		// may lead to a better one. What cannot be chosen has to hold.
		more.tx.Demand.Voluntary = false
		more.tx.Demand.ACR = more.tx.Demand.ACR[:min(1, len(more.tx.Demand.ACR))]
		more.tx.Demand.FloorACR = more.tx.Demand.FloorACR[:min(1, len(more.tx.Demand.FloorACR))]
		less := more
		switch r.IntN(6) {
		case 0:
			less.tx.Demand.Fresh = false
		case 1:
			less.tx.Demand.MaxAge = nil
		case 2:
			less.tx.Demand.ACR, less.tx.Demand.Essential = nil, false
		case 3:
			less.tx.Demand.FloorACR = nil
		case 4:
			less.policy.MFA = login.Off
		case 5:
			less.policy.Reuse += login.Duration(24 * time.Hour)
		}
		if more.next().Kind != login.Done {
			continue
		}
		if step := less.next(); step.Kind != login.Done {
			t.Fatalf("done with more and %s with less\nmore %+v\nless %+v", said(step), more, less)
		}
	}
}

// TestWalk_DoneIsWhatWasAsked checks every Done against the demands one by one, as a stranger
// reading the requirements would.
func TestWalk_DoneIsWhatWasAsked(t *testing.T) {
	r := dice(t)
	done := 0
	for range walks {
		s := anyScene(r)
		if s.next().Kind != login.Done {
			continue
		}
		done++
		d, ev := s.tx.Demand, login.Counted(s.tx, s.policy, s.enrolled, noon)
		met := func(acr string) bool { return login.Met(acr, ev) }
		known := func(list []string) bool { return slices.ContainsFunc(list, login.KnownACR) }
		problems := map[string]bool{
			"no person":            s.tx.UserID == "",
			"no first proof":       !slices.ContainsFunc(ev, func(e factors.Evidence) bool { return e.Kind == factors.Password || e.Kind == factors.Federated }),
			"another person":       d.Subject != "" && d.Subject != s.tx.UserID,
			"no second factor":     s.policy.MFA == login.Required && !met(login.ACRMultiFactor),
			"registration not met": len(d.FloorACR) > 0 && !slices.ContainsFunc(d.FloorACR, met),
			"essential not met":    d.Essential && !slices.ContainsFunc(d.ACR, met),
			"request not met":      known(d.ACR) && !d.Voluntary && !slices.ContainsFunc(d.ACR, met),
			"no amr":               slices.Contains(login.AMR(ev), "mfa") != met(login.ACRMultiFactor),
			"no acr":               login.ACR(slices.Concat(d.ACR, d.FloorACR), ev) == "",
		}
		for _, e := range ev {
			proved := slices.ContainsFunc(s.tx.Proved, func(p factors.Evidence) bool { return cmp.Equal(p, e) })
			age := noon.Sub(e.At)
			problems["stale "+e.Source] = !proved && (d.Fresh || age > time.Duration(s.policy.Reuse) || (d.MaxAge != nil && age > *d.MaxAge))
			problems["not allowed "+e.Source] = e.Kind != factors.Password && e.Kind != factors.Federated && !s.policy.Allows(e.Kind)
			problems["removed "+e.Source] = e.Source == "totp:removed"
		}
		for what, is := range problems {
			if is {
				t.Fatalf("done with %s\n%+v\n%+v", what, s, ev)
			}
		}
	}
	if done < walks/100 {
		t.Errorf("only %d of %d scenes were done: the scenes are not worth much", done, walks)
	}
}

// TestWalk_EveryWalkEnds answers every step as a person would: who, a first proof, a second one and
// an offer is all that anybody is ever asked.
func TestWalk_EveryWalkEnds(t *testing.T) {
	r := dice(t)
	for range walks {
		s := anyScene(r)
		if s.tx.UserID == "" {
			s.tx.Identifier = ""
		}
		start := s
		var told []string
		for answers := 0; ; answers++ {
			step := s.next()
			told = append(told, said(step))
			if step.Kind == login.Done || step.Kind == login.Fail {
				break
			}
			if answers == 4 {
				t.Fatalf("after %d answers no end: %q\nfrom %+v", answers, told, start)
			}
			s.answer(t, r, step)
		}
	}
}

func (s *scene) answer(t *testing.T, r *rand.Rand, step login.Step) {
	t.Helper()
	prove := func(name string) {
		s.tx.Proved = append(slices.Clone(s.tx.Proved), proofs(name)...)
	}
	switch step.Kind {
	case login.Identify:
		s.tx.Identifier = "anna@example.com"
	case login.Prove:
		s.tx.UserID = "anna"
		prove("pwd")
	case login.Challenge:
		if len(step.Methods) == 0 {
			t.Fatalf("nothing to answer with: %+v", s)
		}
		switch k := one(r, step.Methods...); k {
		case factors.Passkey:
			prove("key")
		case factors.Recovery:
			prove("recovery")
			s.enrolled = slices.DeleteFunc(slices.Clone(s.enrolled), func(e factors.Enrollment) bool { return e.Kind == k })
		default:
			prove(string(k))
		}
	case login.Enroll:
		if len(step.Methods) == 0 || step.Methods[0] != factors.TOTP {
			t.Fatalf("nothing to set up: %+v", s)
		}
		s.enrolled = append(slices.Clone(s.enrolled), enrollments("totp")...)
		prove("totp")
	case login.Offer:
		if r.IntN(2) == 0 {
			s.tx.PutOff = append(slices.Clone(s.tx.PutOff), step.Offer)
			return
		}
		s.enrolled = slices.DeleteFunc(slices.Clone(s.enrolled), func(e factors.Enrollment) bool { return e.Kind == factors.Recovery })
		s.enrolled = append(s.enrolled, enrollments("recovery")...)
		s.enrolled[len(s.enrolled)-1].Created = noon
	default:
		t.Fatalf("no answer to %s", said(step))
	}
}

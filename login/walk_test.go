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

// walks is how many scenes each property is held to. Nothing in them happens at the same time, so that the race
// detector, under which they take ten times as long, sees a few.
var walks = map[bool]int{false: 20_000, true: 2_000}[underRace]

// dice returns random numbers, the same every time: a change is not to be blamed for what it did not do. make
// fuzz draws others (VSEEID_TEST_SEED=random), and the number that a failure names repeats it.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(1)
	switch s := os.Getenv("VSEEID_TEST_SEED"); s {
	case "":
	case "random":
		seed = rand.Uint64()
	default:
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
	return some(r, login.ACRSingle, login.ACRMultiFactor, login.ACRAAL2, login.ACRPhishing, login.ACRHardware, "gold")
}

func anyScene(r *rand.Rand) scene {
	s := scene{policy: anyPolicy(r)}
	if r.IntN(4) == 0 {
		s.policy = s.policy.Among([]login.Org{{ID: "a", Policy: s.policy}, {ID: "b", Policy: anyPolicy(r)}}, noon)
	}
	for _, k := range some(r, "totp", "totp2", "passkey", "synced", "usb", "email", one(r, "recovery", "recovery?")) {
		s.enrolled = append(s.enrolled, enrollments(k)...)
	}
	if r.IntN(4) == 0 { // nobody has set anything up
		s.enrolled = enrollments(one(r, "", "email"))
	}
	s.tx = login.Transaction{
		Started: noon.Add(-2 * time.Minute),
		UserID:  one(r, "", "anna", "anna"), Chosen: one(r, "", factors.TOTP, factors.Recovery, factors.Passkey, factors.Email, factors.Password),
		Demand: login.Demand{
			ACR: anyACR(r), FloorACR: one(r, nil, nil, anyACR(r)),
			Essential: r.IntN(4) == 0, Voluntary: r.IntN(4) == 0, Fresh: r.IntN(4) == 0, Silent: r.IntN(4) == 0,
			Subject: one(r, "", "", "anna", "bert"),
			MaxAge:  one(r, nil, nil, ago(0), ago(time.Minute), ago(3*time.Hour)),
		},
		PutOff:  some(r, everyOffer...),
		Can:     some(r, login.CanPasskey, login.CanPasskey, login.CanPlatform, login.CanSignal),
		Default: one(r, "", "", factors.TOTP, factors.Email, factors.Passkey, factors.Recovery),
		Adds:    one(r, "", "", "", factors.TOTP, factors.Passkey, factors.Recovery, factors.Email, factors.Password),
		Device: login.Device{
			Knows: some(r, "k1", "k2", "k3", "k9"), Refused: r.IntN(4) == 0, Signaled: one(r, "", "x", login.Signaled(s.enrolled, "")),
			Remind: one(r, time.Time{}, noon, noon.Add(time.Hour)),
		},
		Registered: one(r, "", "", "k1", "k9"),
	}
	if r.IntN(2) == 0 { // somebody who asks for nothing
		s.tx.Demand = login.Demand{Silent: s.tx.Demand.Silent}
	}
	s.tx.Identifier = one(r, "", "anna@example.com")
	if s.tx.UserID != "" {
		s.tx.Identifier = "anna@example.com"
		s.tx.SessionID = one(r, "", "s1")
		s.tx.Borrowed = anyProofs(r, true)
		s.tx.Proved = anyProofs(r, false)
	}
	return s
}

func anyPolicy(r *rand.Rand) login.Policy {
	p := preset(one(r, "off", "standard", "strict"))
	p.MFA = one(r, login.Off, login.Optional, login.Required, login.Required)
	if r.IntN(2) == 0 {
		p.Factors = some(r, factors.Passkey, factors.TOTP, factors.Email, factors.Recovery)
	}
	p.Enrollment = one(r, login.Open, login.Open, login.ByMail, login.ByTicket)
	p.HardwareKeys = one(r, login.AnyHardware, login.Attested)
	p.Trust.Offer = r.IntN(4) > 0
	p.NoDowngrade = r.IntN(4) == 0
	if p.MFA == login.Optional {
		p.Leave = one(r, login.Leave{}, login.Leave{Until: noon.Add(time.Hour)}, login.Leave{Skips: 2})
	}
	return p
}

func anyProofs(r *rand.Rand, old bool) []factors.Evidence {
	var out []factors.Evidence
	for _, name := range some(r, "pwd", "fed", "fedmfa", "totp", "lost", "recovery", "email", "oldmail", "mailfed", "mailpwd",
		"key", "keyuv", "keyatt", "sync", "syncuv", "ticket") {
		age := "-1m"
		if old {
			age = one(r, "-1m", "-2h", "-11h", "-13h", "-200h")
		}
		out = append(out, proofs(name+age)...)
	}
	return out
}

func isFirstProof(e factors.Evidence) bool {
	return e.Kind == factors.Password || e.Kind == factors.Federated || (e.Kind == factors.Passkey && e.Class == factors.Has|factors.Is)
}

func isOf(kinds ...factors.Kind) func(factors.Enrollment) bool {
	return func(e factors.Enrollment) bool { return slices.Contains(kinds, e.Kind) }
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
		if d := cmp.Diff(login.Missing(s.tx, s.policy, s.enrolled, noon), login.Missing(shuffled.tx, s.policy, s.enrolled, noon)); d != "" {
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
		kind := one(r, factors.TOTP, factors.Passkey, factors.Email)
		s.enrolled = slices.DeleteFunc(s.enrolled, isOf(kind))
		without := s
		for _, list := range []*[]factors.Evidence{&without.tx.Borrowed, &without.tx.Proved} {
			*list = slices.DeleteFunc(slices.Clone(*list), func(e factors.Evidence) bool { return e.Kind == kind })
		}
		if d := cmp.Diff(s.next(), without.next()); d != "" {
			t.Fatalf("what was revoked changes the step: %s\n%+v", d, s)
		}
	}
}

func TestWalk_AskingForMoreNeverYieldsLess(t *testing.T) {
	r := dice(t)
	for range walks {
		more := anyScene(r)
		more.tx.Demand.Silent = false
		more.tx.PutOff = everyOffer // an offer is no demand, and who is asked for more is offered less meanwhile
		// Among alternatives the preferred one is asked for as soon as it can be reached, so less
		// may lead to a better one. What cannot be chosen has to hold.
		more.tx.Demand.Voluntary = false
		more.tx.Demand.ACR = more.tx.Demand.ACR[:min(1, len(more.tx.Demand.ACR))]
		more.tx.Demand.FloorACR = more.tx.Demand.FloorACR[:min(1, len(more.tx.Demand.FloorACR))]
		less := more
		switch r.IntN(8) {
		case 0:
			less.tx.Demand.Fresh = false
		case 1:
			less.tx.Demand.MaxAge = nil
		case 2:
			less.tx.Demand.ACR, less.tx.Demand.Essential = nil, false
		case 3:
			less.tx.Demand.FloorACR = nil
		case 4:
			less.policy.MFA, less.policy.Leave = login.Off, login.Leave{}
		case 5:
			less.policy.Reuse += login.Duration(24 * time.Hour)
		case 6:
			less.policy.HardwareKeys = login.AnyHardware
		case 7:
			less.policy.Enrollment = login.Open
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
			"no first proof":       !slices.ContainsFunc(ev, isFirstProof),
			"another person":       d.Subject != "" && d.Subject != s.tx.UserID,
			"no second factor":     s.policy.MFA == login.Required && !met(login.ACRMultiFactor),
			"registration not met": len(d.FloorACR) > 0 && !slices.ContainsFunc(d.FloorACR, met),
			"essential not met":    d.Essential && !slices.ContainsFunc(d.ACR, met),
			"request not met":      known(d.ACR) && !d.Voluntary && !slices.ContainsFunc(d.ACR, met),
			"no amr":               slices.Contains(login.AMR(ev), "mfa") != met(login.ACRMultiFactor),
			"no acr":               login.ACR(slices.Concat(d.ACR, d.FloorACR), ev) == "",
			"one factor for two":   s.policy.MFA == login.Required && !twoFactors(ev),
			"an owner not asked": s.policy.MFA == login.Optional && slices.ContainsFunc(s.enrolled, func(e factors.Enrollment) bool {
				return isOf(factors.TOTP, factors.Passkey)(e) && s.policy.Allows(e.Kind)
			}) && !twoFactors(ev),
			"a leave that is endless": s.policy.Leave.Skips > 0 && slices.ContainsFunc(s.enrolled, isOf(factors.TOTP, factors.Passkey, factors.Recovery)) && !twoFactors(ev),
			"something left to add":   !d.Silent && s.policy.Lets(s.tx.Adds),
		}
		for _, e := range ev {
			proved := slices.ContainsFunc(s.tx.Proved, func(p factors.Evidence) bool { return p.Source == e.Source && p.Class == e.Class && p.At.Equal(e.At) })
			age := noon.Sub(e.At)
			problems["stale "+e.Source] = !proved && (d.Fresh || age > time.Duration(s.policy.Reuse) || (d.MaxAge != nil && age > *d.MaxAge))
			problems["not allowed "+e.Source] = e.Kind != factors.Password && e.Kind != factors.Federated && !s.policy.Allows(e.Kind)
			problems["removed "+e.Source] = e.Source == "totp:removed" || e.Source == "mailbox:old@b.c"
			problems["hardware by its own word"] = s.policy.HardwareKeys == login.Attested && e.Kind == factors.Passkey && slices.Contains(e.AMR, "hwk") && !e.Attested
			problems["a mailbox for a factor"] = e.Kind == factors.Email && s.policy.MFA != login.Off &&
				(s.policy.Allows(factors.TOTP) || s.policy.Allows(factors.Passkey)) && !slices.ContainsFunc(s.enrolled, isOf(factors.TOTP, factors.Passkey))
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

// TestWalk_N20_DoneIsDoneAgain: what a sign-in has proved is enough for the session to answer the same
// demand at once, without a page. So is it judged again when the code is issued.
func TestWalk_N20_DoneIsDoneAgain(t *testing.T) {
	r := dice(t)
	done := 0
	for range walks {
		s := anyScene(r)
		if s.next().Kind != login.Done {
			continue
		}
		done++
		again := s
		again.tx = login.Transaction{
			UserID: s.tx.UserID, Identifier: s.tx.Identifier, Demand: s.tx.Demand, Started: noon,
			Borrowed: login.Counted(s.tx, s.policy, s.enrolled, noon),
		}
		again.tx.Demand.Silent, again.tx.Demand.Fresh, again.tx.Demand.MaxAge = true, false, nil
		if step := again.next(); step.Kind != login.Done {
			t.Fatalf("done, and then %s\n%+v", said(step), s)
		}
	}
	if done < walks/100 {
		t.Errorf("only %d of %d scenes were done", done, walks)
	}
}

// TestWalk_EveryStepIsSafe looks at single steps: who may set something up, and what is asked for.
func TestWalk_EveryStepIsSafe(t *testing.T) {
	r := dice(t)
	seen := map[string]int{}
	for range walks * 2 {
		s := anyScene(r)
		step := s.next()
		seen[string(step.Kind)+string(step.Offer)]++
		safe(t, s, step)
	}
	for _, k := range []login.StepKind{login.Identify, login.Prove, login.Challenge, login.Ticket, login.Enroll, login.Add, login.Done, login.Fail} {
		if seen[string(k)] == 0 {
			t.Errorf("no scene led to %s", k)
		}
	}
	for _, o := range everyOffer {
		if seen[string(login.Offer)+string(o)] == 0 {
			t.Errorf("no scene led to the offer %s", o)
		}
	}
}

func safe(t *testing.T, s scene, step login.Step) {
	t.Helper()
	counts := s.policy
	if step.Kind == login.Add && s.policy.SetUp != nil { // what is set up is good for every organization
		counts.Factors = slices.Concat(s.policy.SetUp.Proofs, s.policy.SetUp.Strict)
		counts.NoDowngrade = false // it depends on which of the two lists counts
	}
	ev := login.Counted(s.tx, counts, s.enrolled, noon)
	first := slices.ContainsFunc(ev, isFirstProof)
	// Where the first proof is the mailbox's own, a mail says nothing more, and it takes a ticket.
	byMail := slices.ContainsFunc(s.tx.Proved, func(e factors.Evidence) bool { return e.Source == "mailbox:a@b.c" && e.Kind == factors.Email }) &&
		slices.ContainsFunc(ev, func(e factors.Evidence) bool { return isFirstProof(e) && e.Source != "mailbox:a@b.c" })
	byTicket := slices.ContainsFunc(s.tx.Proved, func(e factors.Evidence) bool { return e.Kind == factors.Ticket })
	owns := slices.ContainsFunc(s.enrolled, isOf(factors.TOTP, factors.Passkey, factors.Recovery))
	kinds, by := len(step.Methods), s.policy.Enrollment
	if s.policy.SetUp != nil {
		by = s.policy.SetUp.Enrollment
	}
	problems := map[string]bool{
		"enrolling beside a factor that there is":  (step.Kind == login.Enroll || step.Offer == login.OfferEnroll || step.Kind == login.Ticket) && owns,
		"enrolling without a first proof":          (step.Kind == login.Enroll || step.Kind == login.Add || step.Kind == login.Ticket || step.Kind == login.Offer) && !first,
		"enrolling without a ticket":               (step.Kind == login.Enroll || step.Offer == login.OfferEnroll || (step.Kind == login.Add && !owns)) && by == login.ByTicket && !byTicket,
		"enrolling without a mail":                 (step.Kind == login.Enroll || step.Offer == login.OfferEnroll || (step.Kind == login.Add && !owns)) && by == login.ByMail && !byMail && !byTicket,
		"adding on one factor":                     step.Kind == login.Add && owns && !twoFactors(ev),
		"adding on a mail code":                    step.Kind == login.Add && owns && !login.Met(login.ACRAAL2, ev) && slices.ContainsFunc(s.enrolled, func(e factors.Enrollment) bool { return e.Kind == factors.TOTP && s.policy.Allows(e.Kind) }) && slices.ContainsFunc(ev, func(e factors.Evidence) bool { return e.Kind == factors.Password }),
		"an offer before the demand is met":        step.Kind == login.Offer && s.policy.MFA == login.Required && !twoFactors(ev),
		"an offer that was put off":                step.Kind == login.Offer && slices.Contains(s.tx.PutOff, step.Offer),
		"the recovery code first":                  step.Kind == login.Challenge && step.Methods[0] == factors.Recovery && kinds > 1 && s.tx.Chosen != factors.Recovery,
		"nothing to answer with":                   (step.Kind == login.Challenge || step.Kind == login.Enroll || step.Kind == login.Add || step.Kind == login.Prove) && kinds == 0,
		"a passkey that cannot be used first":      step.Kind == login.Challenge && step.Methods[0] == factors.Passkey && !slices.Contains(s.tx.Can, login.CanPasskey) && slices.ContainsFunc(step.Methods, func(k factors.Kind) bool { return k == factors.TOTP || k == factors.Email }),
		"a method twice":                           kinds != len(slices.Compact(slices.Sorted(slices.Values(step.Methods)))),
		"an error without a failure, or a failure": (step.Error == "") == (step.Kind == login.Fail),
	}
	for _, k := range step.Methods {
		switch step.Kind {
		case login.Challenge:
			problems["with nothing of "+string(k)] = !slices.ContainsFunc(step.With, isOf(k))
			problems["not allowed: "+string(k)] = owns && !s.policy.Allows(k) &&
				(s.tx.Adds == "" || s.policy.SetUp == nil || !slices.Contains(slices.Concat(s.policy.SetUp.Proofs, s.policy.SetUp.Strict), k))
		case login.Enroll, login.Add, login.Offer:
			problems["not allowed to be set up: "+string(k)] = !s.policy.Allows(k)
		}
	}
	for _, e := range step.With {
		problems["with what is no method: "+e.ID] = !slices.Contains(step.Methods, e.Kind)
		problems["with what is not there: "+e.ID] = !slices.ContainsFunc(s.enrolled, func(have factors.Enrollment) bool { return have.ID == e.ID })
	}
	for _, m := range login.Missing(s.tx, s.policy, s.enrolled, noon) {
		problems["missing and there: "+string(m.Kind)] = slices.Contains(step.Methods, m.Kind)
		problems["missing before there is a challenge"] = s.tx.Demand.Silent == false && step.Kind != login.Challenge
	}
	for what, is := range problems {
		if is {
			t.Fatalf("%s: %s\n%+v\ncounted %+v", said(step), what, s, ev)
		}
	}
}

// TestWalk_EveryWalkEnds answers every step as a person would. Nobody is asked twice for the same proof,
// nor made the same offer twice, so every walk ends within as many answers as there are factors and
// offers, plus who it is.
func TestWalk_EveryWalkEnds(t *testing.T) {
	r := dice(t)
	for range walks {
		s := anyScene(r)
		if s.tx.UserID == "" {
			s.tx.Identifier = ""
		}
		w := walker{scene: s, t: t, r: r, asked: map[string]bool{}}
		start := s
		var told []string
		for {
			step := w.next()
			told = append(told, said(step))
			safe(t, w.scene, step)
			if step.Kind == login.Done || step.Kind == login.Fail {
				break
			}
			what := w.answer(step)
			if w.asked[what] {
				t.Fatalf("asked twice for %s: %q\nfrom %+v", what, told, start)
			}
			w.asked[what] = true
		}
		const beside = 6 // who it is, password, ticket, a first factor, an addition, a replacement
		if n, limit := len(told)-1, beside+len(start.enrolled)+len(w.made)+len(everyOffer); n > limit {
			t.Fatalf("%d answers, want at most %d: %q\nfrom %+v", n, limit, told, start)
		}
	}
}

// walker is a person who answers.
type walker struct {
	scene
	t     *testing.T
	r     *rand.Rand
	asked map[string]bool
	made  []factors.Enrollment
}

// answer answers a step and says what it answered.
func (w *walker) answer(step login.Step) string {
	w.t.Helper()
	switch step.Kind {
	case login.Identify:
		w.tx.Identifier = "anna@example.com"
	case login.Prove:
		if one(w.r, step.Methods...) == factors.Passkey {
			return w.proves(one(w.r, step.With...))
		}
		w.tx.UserID = "anna"
		w.prove(proofs(one(w.r, "pwd", "mailpwd"))[0])
		return "password"
	case login.Ticket:
		w.prove(proofs("ticket")[0])
	case login.Challenge:
		return w.proves(one(w.r, step.With...))
	case login.Enroll:
		w.setUp(one(w.r, step.Methods...))
	case login.Add:
		k, replaces := w.tx.Adds, w.tx.Replaces
		if replaces {
			w.enrolled = slices.DeleteFunc(slices.Clone(w.enrolled), isOf(k))
		}
		w.setUp(k)
		w.tx.Adds, w.tx.Replaces = "", false
		if replaces || slices.Contains(w.tx.PutOff, login.OfferReplace) {
			return "replacement"
		}
	case login.Offer:
		return w.offered(step)
	default:
		w.t.Fatalf("no answer to %s", said(step))
	}
	return string(step.Kind)
}

func (w *walker) prove(e factors.Evidence) {
	w.tx.Proved = append(slices.Clone(w.tx.Proved), e)
}

// proves proves an enrollment, a passkey with or without verifying its user.
func (w *walker) proves(e factors.Enrollment) string {
	ev := factors.Evidence{Kind: e.Kind, Source: string(e.Kind) + ":" + e.ID, Class: factors.Has, AMR: []string{"otp"}, At: noon}
	switch e.Kind {
	case factors.Email:
		ev.Source = "mailbox:" + e.ID
	case factors.Recovery:
		w.enrolled = slices.DeleteFunc(slices.Clone(w.enrolled), isOf(e.Kind))
	case factors.Passkey:
		ev.Class, ev.AMR = one(w.r, factors.Has, factors.Has|factors.Is), []string{one(w.r, "hwk", "swk"), "pop", "user"}
	}
	w.prove(ev)
	return ev.Source
}

// setUp sets a factor up, in this browser.
func (w *walker) setUp(k factors.Kind) {
	e := factors.Enrollment{ID: "new" + strconv.Itoa(len(w.made)), UserID: "anna", Kind: k, Created: noon, Confirmed: noon}
	switch k {
	case factors.Recovery:
		w.enrolled = slices.DeleteFunc(slices.Clone(w.enrolled), isOf(k))
	case factors.TOTP:
		w.prove(factors.Evidence{Kind: k, Source: "totp:" + e.ID, Class: factors.Has, AMR: []string{"otp"}, At: noon})
	case factors.Passkey:
		e.Handle, e.Place = []byte(e.ID), one(w.r, factors.OnDevice, factors.Synced, factors.OnKey)
		w.tx.Registered = e.ID
		if w.r.IntN(4) > 0 { // or the cookie was refused
			w.tx.Device.Knows = append(slices.Clone(w.tx.Device.Knows), e.ID)
		}
	}
	w.made = append(w.made, e)
	w.enrolled = append(slices.Clone(w.enrolled), e)
}

// offered takes an offer or puts it off.
func (w *walker) offered(step login.Step) string {
	if w.r.IntN(2) == 0 {
		w.tx.PutOff = append(slices.Clone(w.tx.PutOff), step.Offer)
		return string(step.Offer)
	}
	switch step.Offer {
	case login.OfferName:
		named := w.tx.Registered
		w.tx.Registered = ""
		return "the name of " + named
	case login.OfferEnroll:
		w.setUp(one(w.r, step.Methods...))
	case login.OfferRecovery:
		w.setUp(factors.Recovery)
	case login.OfferReplace:
		w.tx.PutOff = append(slices.Clone(w.tx.PutOff), step.Offer)
		w.tx.Adds = one(w.r, step.Methods...)
		w.tx.Replaces = w.tx.Adds == factors.TOTP
	case login.OfferTrust:
		if w.r.IntN(2) == 0 {
			w.tx.Device.Refused = true
		} else {
			w.setUp(factors.Passkey)
		}
	case login.OfferSignal:
		w.tx.Device.Signaled = login.Signaled(w.enrolled, "")
	}
	return string(step.Offer)
}

// TestT15_ListedIsWhatWouldDo: what a challenge lists ends it, and what it leaves out would not.
func TestT15_ListedIsWhatWouldDo(t *testing.T) {
	r := dice(t)
	listed, left := 0, 0
	for range walks {
		s := anyScene(r)
		s.tx.Demand.Silent = false
		step := s.next()
		if step.Kind != login.Challenge || !slices.ContainsFunc(s.enrolled, isOf(factors.TOTP, factors.Passkey, factors.Recovery)) {
			continue
		}
		for _, e := range s.enrolled {
			w := walker{scene: s, t: t, r: r}
			ev := factors.Evidence{Kind: e.Kind, Source: string(e.Kind) + ":" + e.ID, Class: factors.Has, AMR: []string{"otp"}, At: noon}
			switch {
			case e.Kind == factors.Email:
				ev.Source = "mailbox:" + e.ID
			case e.Kind == factors.Passkey && e.Place == factors.Synced:
				ev.AMR = []string{"pop", "swk", "user"}
			case e.Kind == factors.Passkey:
				ev.AMR, ev.Attested = []string{"hwk", "pop", "user"}, true
			}
			proved := slices.ContainsFunc(s.tx.Proved, func(p factors.Evidence) bool { return p.Source == ev.Source && p.Kind == ev.Kind })
			w.prove(ev)
			after := w.next()
			switch on := slices.ContainsFunc(step.With, func(o factors.Enrollment) bool { return o.ID == e.ID }); {
			case on:
				listed++
				if after.Kind == login.Challenge || after.Kind == login.Prove || after.Kind == login.Fail {
					t.Fatalf("%s: with %s it is %s\n%+v", said(step), e.ID, said(after), s)
				}
			case e.Kind == factors.Passkey && !slices.Contains(s.tx.Can, login.CanPasskey), proved: // it cannot be asked
			default:
				left++
				if after.Kind != login.Challenge && after.Kind != login.Fail {
					t.Fatalf("%s: with %s, which is not listed, it is %s\n%+v", said(step), e.ID, said(after), s)
				}
			}
		}
	}
	if listed < walks/100 || left < walks/100 {
		t.Errorf("only %d were listed and %d left out", listed, left)
	}
}

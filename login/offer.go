package login

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
)

// offer decides what to offer once the demand is met. What was put off is not offered again.
func (q inquiry) offer() (Step, bool) {
	for _, o := range []struct {
		kind OfferKind
		open bool
	}{
		{OfferName, q.offersName()},
		{OfferEnroll, q.offersEnroll()},
		{OfferRecovery, q.offersRecovery()},
		{OfferReplace, q.offersReplace()},
		{OfferTrust, q.offersTrust()},
		{OfferSignal, q.offersSignal()},
	} {
		if !o.open || slices.Contains(q.tx.PutOff, o.kind) || q.aside(o.kind) {
			continue
		}
		step := Step{Kind: Offer, Offer: o.kind}
		switch o.kind {
		case OfferEnroll:
			step.Methods, step.Leave = q.enrollable(multiFactor), q.p.Leave
		case OfferReplace:
			step.Methods = q.replaceable()
		case OfferRecovery, OfferTrust, OfferName, OfferSignal:
		}
		return step, true
	}
	return Step{}, false
}

// aside reports whether an offer has nothing to do with what the person is about: who is signed in and has
// to prove more, for one thing that an app asks for or to change the account, is in the middle of that. What
// follows from this proof itself is offered all the same.
func (q inquiry) aside(k OfferKind) bool {
	if q.tx.SessionID == "" || len(q.tx.Demand.ACR) == 0 && q.tx.Demand.MaxAge == nil && !q.tx.Changes {
		return false
	}
	switch k {
	case OfferEnroll, OfferTrust:
		return true
	case OfferRecovery: // where a factor is new, or the code was used up
		return !recovered(q.tx.Proved) && !slices.ContainsFunc(q.enrolled, q.isNew)
	case OfferName, OfferReplace, OfferSignal:
	}
	return false
}

// isNew reports whether e was set up in this sign-in, also at its very beginning: stores keep times to the
// microsecond.
func (q inquiry) isNew(e factors.Enrollment) bool {
	return slices.Contains(selfEnrolled, e.Kind) && !e.Created.Before(q.tx.Started.Truncate(time.Microsecond))
}

// offersName: the passkey that was just made is still there.
func (q inquiry) offersName() bool {
	return q.tx.Registered != "" && slices.ContainsFunc(q.enrolled, func(e factors.Enrollment) bool {
		return e.Kind == factors.Passkey && e.ID == q.tx.Registered
	})
}

// offersEnroll: the policy will ask for a factor soon, and this is a sign-in, with all that it takes to
// set a first one up.
func (q inquiry) offersEnroll() bool {
	return q.p.Leave != Leave{} && !owns(q.enrolled) && slices.ContainsFunc(q.proved(), primary) &&
		q.confirmed() && len(q.enrollable(multiFactor)) > 0
}

// offersRecovery: no code is recorded. A new one is for who has proved another factor here and now:
// whoever found an open session gets none. Who wants to be reminded later is asked then, or when the code that
// there was is used up.
func (q inquiry) offersRecovery() bool {
	recorded := slices.ContainsFunc(q.enrolled, func(e factors.Enrollment) bool {
		return e.Kind == factors.Recovery && !e.Confirmed.IsZero()
	})
	if q.now.Before(q.tx.Device.RemindRecovery) && !recovered(q.tx.Proved) {
		return false
	}
	return !recorded && q.p.letsRecover(q.enrolled) && q.provedBy(factors.TOTP, factors.Passkey, factors.Recovery)
}

// offersReplace: who used the recovery code may have lost what it stands in for, and can set up here
// what takes its place.
func (q inquiry) offersReplace() bool {
	return q.provedBy(factors.Recovery) && len(q.replaceable()) > 0 && slices.ContainsFunc(q.enrolled, q.losable)
}

// losable reports whether e is something that was there before and may be lost by now.
func (q inquiry) losable(e factors.Enrollment) bool {
	return slices.Contains(selfEnrolled, e.Kind) && e.Created.Before(q.tx.Started)
}

// replaceable are the kinds of which the person may set up another one here, in the place of what may be
// lost: first those of which there is one.
func (q inquiry) replaceable() []factors.Kind {
	out := slices.DeleteFunc(slices.Clone(selfEnrolled), func(k factors.Kind) bool {
		return !q.p.Lets(k) || (k == factors.Passkey && !(q.can(CanPasskey) && q.room(k)))
	})
	other := func(k factors.Kind) int {
		if slices.ContainsFunc(q.enrolled, func(e factors.Enrollment) bool { return e.Kind == k && q.losable(e) }) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b factors.Kind) int { return other(a) - other(b) })
	return out
}

// offersTrust: the device can verify its user and has no passkey of the person yet, as far as its
// browser knows, which was not told to leave it alone.
func (q inquiry) offersTrust() bool {
	d := q.tx.Device
	has := slices.ContainsFunc(q.enrolled, func(e factors.Enrollment) bool {
		return e.Kind == factors.Passkey && (q.here(e) || !e.Created.Before(q.tx.Started))
	})
	return q.p.Trust.Offer && q.p.Lets(factors.Passkey) && q.room(factors.Passkey) && q.can(CanPlatform) &&
		!has && !d.Refused && !q.now.Before(d.Remind) && q.provedBy(factors.TOTP, factors.Recovery)
}

// offersSignal: the browser was told of other passkeys than there are, or by another name.
func (q inquiry) offersSignal() bool {
	return q.can(CanSignal) && q.tx.Device.Signaled != Signaled(q.enrolled, q.tx.Called)
}

// provedBy reports whether one of the kinds was proved in this transaction, as one of two factors that count
// for who changes factors. No caller asks about mailed codes: they must not earn anybody a stronger factor.
func (q inquiry) provedBy(kinds ...factors.Kind) bool {
	q = q.under(q.p.changing(q.enrolled))
	return multiFactor(q.evidence) &&
		slices.ContainsFunc(q.proved(), func(e factors.Evidence) bool { return slices.Contains(kinds, e.Kind) })
}

// signaledSize is that of the hash which Signaled is.
const signaledSize = 16

// Signaled is the Device.Signaled of a browser that was told of exactly these passkeys, and what their
// owner is called; empty for none.
func Signaled(enrolled []factors.Enrollment, called string) string {
	var handles []string
	for _, e := range enrolled {
		if e.Kind == factors.Passkey {
			handles = append(handles, base64.RawURLEncoding.EncodeToString(e.Handle))
		}
	}
	if len(handles) == 0 {
		return ""
	}
	slices.Sort(handles)
	h := sha256.New()
	for _, line := range append(handles, called) {
		h.Write([]byte(line + "\n"))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:signaledSize])
}

// isSignaled reports whether s has the form of what Signaled gives.
func isSignaled(s string) bool {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && (len(raw) == signaledSize || s == "")
}

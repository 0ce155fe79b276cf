package login_test

import (
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
)

func TestT12_A30_FirstFactor(t *testing.T) {
	asked(t, []asking{
		{name: "T-12 password minutes ago", policy: "standard", borrowed: "pwd-4m", want: "enroll totp passkey"},
		{name: "T-12 password too long ago", policy: "standard", borrowed: "pwd-6m", want: "prove password"},
		{name: "T-12 password again", policy: "standard", borrowed: "pwd-6m", proved: "pwd", want: "enroll totp passkey"},
		{name: "T-12 an app that takes its time", policy: "standard", proved: "pwd-14m", want: "enroll totp passkey"},
		{name: "strict enrolls too", policy: "strict", proved: "pwd", want: "enroll totp passkey"},
		{name: "A-23 asked, none set up, person decides", policy: "personal", demand: demand{ACR: []string{mfa}}, proved: "pwd", want: "enroll totp passkey"},
		{name: "A-23 asked, none set up, organization says off", policy: "off", demand: demand{ACR: []string{mfa}}, proved: "pwd", want: unmet},
		{name: "A-23 asked, set up, organization says off", policy: "off", demand: demand{ACR: []string{mfa}}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-23 asked for what enrolling does not reach", policy: "standard", demand: demand{ACR: []string{"phrh"}}, proved: "pwd", want: unmet},
		{name: "A-23 asked for what one way of enrolling reaches", policy: "standard", demand: demand{ACR: []string{"phr"}}, proved: "pwd", want: "enroll passkey"},
		{name: "never a second first factor", policy: "standard only:totp", enrolled: "passkey", proved: "pwd", want: unmet + " stuck"},
		{name: "T-12 mail first", policy: "standard by:mail", enrolled: "email", proved: "pwd", want: "challenge email", with: "a@b.c"},
		{name: "T-12 mail first, also where a mail code is no factor", policy: "strict by:mail", enrolled: "email", proved: "pwd", want: "challenge email"},
		{name: "T-12 mail given", policy: "standard by:mail", enrolled: "email", proved: "pwd email", want: "enroll totp passkey"},
		{name: "T-12 mail of another sign-in", policy: "standard by:mail", enrolled: "email", borrowed: "email", proved: "pwd", want: "challenge email"},
		{name: "T-12 mail to another address", policy: "standard by:mail", enrolled: "email", proved: "pwd oldmail", want: "challenge email"},
		{name: "T-12 mail, and no address to write to", policy: "standard by:mail", proved: "pwd", want: unmet + " stuck"},
		{name: "T-12 the password before the mail", policy: "standard by:mail", enrolled: "email", borrowed: "pwd-6m", want: "prove password"},
		{name: "T-12 ticket first", policy: "standard by:ticket", enrolled: "email", proved: "pwd", want: "ticket"},
		{name: "T-12 ticket given", policy: "standard by:ticket", proved: "pwd ticket", want: "enroll totp passkey"},
		{name: "T-12 ticket of another sign-in", policy: "standard by:ticket", borrowed: "ticket", proved: "pwd", want: "ticket"},
		{name: "T-12 a mail is no ticket", policy: "standard by:ticket", enrolled: "email", proved: "pwd email", want: "ticket"},
		{name: "T-17 a mail beside a password of the mailbox", policy: "standard by:mail", enrolled: "email", proved: "mailpwd email", want: "ticket"},
		{name: "T-17 but with a ticket", policy: "standard by:mail", enrolled: "email", proved: "mailpwd ticket", want: "enroll totp passkey"},
		{name: "T-12 a ticket is no mail", policy: "standard by:mail", enrolled: "email", proved: "pwd ticket", want: "challenge email"},
		{name: "T-12 a ticket is no proof", policy: "standard by:ticket", enrolled: "totp", proved: "pwd ticket", want: "challenge totp"},
		{name: "T-12 nor a first one", policy: "off", proved: "ticket", want: "prove password"},
		{name: "T-12 nobody knows what it takes", policy: "standard by:gold", proved: "pwd ticket", want: unmet + " stuck"},
		{name: "P-15 ticket", policy: "standard by:ticket", demand: demand{Silent: true}, borrowed: "pwd", want: "fail interaction_required"},
		{name: "P-15 mail first", policy: "standard by:mail", demand: demand{Silent: true}, enrolled: "email", borrowed: "pwd", want: "fail interaction_required"},
	})
}

func TestNext_Leave(t *testing.T) {
	asked(t, []asking{
		{name: "asked to set up what will be asked for", policy: "optional until", proved: "pwd", want: "offer enroll totp passkey"},
		{name: "put off", policy: "optional until", proved: "pwd", putOff: true, want: "done"},
		{name: "once per sign-in", policy: "optional until", borrowed: "pwd-1m", want: "done"},
		{name: "who has a factor is asked for it", policy: "optional until", enrolled: "totp recovery", proved: "pwd", want: "challenge totp recovery"},
		{name: "set up, and asked for it right after", policy: "optional until", enrolled: "passkey!", proved: "pwd", want: "challenge passkey"},
		{name: "nobody may be asked", policy: "optional until", demand: demand{Silent: true}, borrowed: "pwd", want: "done"},
		{name: "no leave from what a client asks", policy: "optional until", demand: demand{ACR: []string{mfa}}, proved: "pwd", want: "enroll totp passkey"},
		{name: "by number, who has only what is not allowed cannot put it off for ever", policy: "optional skips", enrolled: "recovery", proved: "pwd", want: "challenge recovery"},
		{name: "until a day, who has only the recovery code", policy: "optional until", enrolled: "recovery", proved: "pwd", want: "done"},
		{name: "with a ticket to come, nothing is offered that could not be done", policy: "optional until by:ticket", proved: "pwd", want: "done"},
	})
}

func TestT13_N14_OneMore(t *testing.T) {
	asked(t, []asking{
		{name: "T-13 one more", policy: "standard", enrolled: "totp recovery", proved: "pwd totp", change: adds(factors.TOTP), want: "add totp"},
		{name: "T-13 not on a password alone", policy: "personal", enrolled: "totp recovery", proved: "pwd", change: adds(factors.Passkey), want: "challenge totp recovery"},
		{name: "T-13 whatever the policy asks", policy: "optional until", enrolled: "recovery", proved: "pwd", change: adds(factors.TOTP), want: "challenge recovery"},
		{name: "T-13 nor by who can prove nothing that is allowed", policy: "optional only:passkey", enrolled: "totp", proved: "pwd", change: adds(factors.Passkey), want: unmet + " stuck"},
		{name: "A-30 nor on a mail code, where there is more", policy: "standard", enrolled: "totp email recovery", proved: "pwd email", change: adds(factors.Passkey), want: "challenge totp recovery"},
		{name: "A-30 but where there is not", policy: "optional only:passkey,email", enrolled: "totp email", proved: "pwd email", change: adds(factors.Passkey), want: "add passkey"},
		{name: "A-30 the recovery code is more", policy: "standard", enrolled: "totp email", proved: "pwd recovery", change: adds(factors.TOTP), want: "add totp"},
		{name: "a first one", policy: "personal", proved: "pwd", change: adds(factors.Passkey), want: "add passkey"},
		{name: "T-12 a first one on a password of before", policy: "personal", borrowed: "pwd-6m", change: adds(factors.TOTP), want: "prove password"},
		{name: "T-12 a first one takes what it takes", policy: "optional by:ticket", proved: "pwd", change: adds(factors.TOTP), want: "ticket"},
		{name: "T-12 nor without an address to write to", policy: "optional by:mail", proved: "pwd", change: adds(factors.TOTP), want: unmet + " stuck"},
		{name: "one more takes no ticket", policy: "standard by:ticket", enrolled: "totp recovery", proved: "pwd totp", change: adds(factors.Passkey), want: "add passkey"},
		{name: "nothing that is not allowed", policy: "standard only:passkey", enrolled: "passkey", proved: "keyuv", change: adds(factors.TOTP), want: "done"},
		{name: "nothing where the organization has none", policy: "off", proved: "pwd", change: adds(factors.TOTP), want: "done"},
		{name: "no mailbox, nobody sets it up", policy: "standard", enrolled: "totp recovery", proved: "pwd totp", change: adds(factors.Email), want: "done"},
		{name: "a new recovery code", policy: "standard", enrolled: "totp recovery", borrowed: "pwd totp", change: adds(factors.Recovery), want: "add recovery"},
		{name: "T-13 not on a password alone, a recovery code", policy: "standard", enrolled: "totp recovery", borrowed: "pwd", change: adds(factors.Recovery), want: "challenge totp recovery"},
		{name: "no recovery code for who has nothing to recover", policy: "personal", proved: "pwd", change: adds(factors.Recovery), want: "done"},
		{name: "before every offer", policy: "standard", enrolled: "totp", proved: "pwd totp", can: "passkey platform signal", change: adds(factors.Passkey), want: "add passkey"},
		{name: "P-15 adding", policy: "standard", demand: demand{Silent: true}, enrolled: "totp", borrowed: "pwd totp", change: adds(factors.Passkey), want: "fail interaction_required"},
	})
}

func TestNext_Offers(t *testing.T) {
	asked(t, []asking{
		{name: "recovery after setting up", policy: "standard", enrolled: "totp", proved: "pwd totp", want: "offer recovery"},
		{name: "recovery again until it is recorded", policy: "standard", enrolled: "totp recovery?", proved: "pwd totp", want: "offer recovery"},
		{name: "recovery replaced after use", policy: "standard", enrolled: "totp", proved: "pwd recovery", want: "offer recovery"},
		{name: "put off", policy: "standard", enrolled: "totp", proved: "pwd totp", putOff: true, want: "done"},
		{name: "not allowed", policy: "standard only:totp", enrolled: "totp", proved: "pwd totp", want: "done"},
		{name: "an open session gets none", policy: "standard", enrolled: "totp", borrowed: "pwd totp", want: "done"},
		{name: "a password alone gets none", policy: "off", enrolled: "totp", proved: "pwd", want: "done"},
		{name: "recorded", policy: "standard", enrolled: "totp recovery", proved: "pwd totp", want: "done"},
		{name: "recovery not before the time to be reminded", policy: "standard", enrolled: "totp", proved: "pwd totp", change: remindRecovery(noon.Add(1)), want: "done"},
		{name: "recovery at that time", policy: "standard", enrolled: "totp", proved: "pwd totp", change: remindRecovery(noon), want: "offer recovery"},
		{name: "A-03 recovery at once after the code was used up", policy: "standard", enrolled: "totp", proved: "pwd recovery", change: remindRecovery(noon.Add(1)), want: "offer recovery"},
		{name: "a step-up for an app is not interrupted", policy: "standard", demand: demand{ACR: []string{mfa}}, enrolled: "totp", borrowed: "pwd", proved: "totp", change: signedIn, want: "done"},
		{name: "nor one by max_age", policy: "standard", demand: demand{MaxAge: ago(time.Minute)}, enrolled: "totp recovery", borrowed: "pwd-1h totp-1h", proved: "pwd totp", can: "passkey platform", change: signedIn, want: "done"},
		{name: "nor one to change the account", policy: "standard", enrolled: "totp recovery", borrowed: "pwd", proved: "totp", can: "passkey platform", change: func(tx *login.Transaction) { signedIn(tx); tx.Changes = true }, want: "done"},
		{name: "the same sign-in of who was not signed in is", policy: "standard", demand: demand{ACR: []string{mfa}}, enrolled: "totp", proved: "pwd totp", want: "offer recovery"},
		{name: "a step-up offers what the code it used up leaves open", policy: "standard", demand: demand{ACR: []string{mfa}}, enrolled: "totp", borrowed: "pwd", proved: "recovery", change: signedIn, want: "offer recovery"},
		{name: "and a code for the first factor", policy: "standard", demand: demand{ACR: []string{mfa}}, enrolled: "totp!", borrowed: "pwd", proved: "pwd totp", change: signedIn, want: "offer recovery"},
		{name: "name what was made", policy: "standard", enrolled: "passkey! totp recovery", proved: "pwd totp", change: made("k1"), want: "offer name"},
		{name: "unless it is gone again", policy: "standard", enrolled: "totp recovery", proved: "pwd totp", change: made("k1"), want: "done"},
		{name: "replace what may be lost, after a new code", policy: "standard", enrolled: "totp recovery!", proved: "pwd recovery", want: "offer replace totp passkey"},
		{name: "the new code first", policy: "standard", enrolled: "totp recovery?!", proved: "pwd recovery", want: "offer recovery"},
		{name: "nothing to replace that is of now", policy: "standard", enrolled: "totp! recovery!", proved: "pwd recovery", want: "done"},
		{name: "replace by what the browser can", policy: "standard", enrolled: "totp recovery!", proved: "pwd recovery", can: "nothing", want: "offer replace totp"},
		{name: "replace a passkey that may be lost", policy: "standard", enrolled: "passkey recovery!", proved: "pwd recovery", want: "offer replace passkey totp"},
		{name: "replace it where there can be none", policy: "standard", enrolled: "passkey recovery!", proved: "pwd recovery", can: "nothing", want: "offer replace totp"},
		{name: "replace by what is allowed", policy: "standard only:passkey,recovery", enrolled: "totp passkey recovery!", proved: "pwd recovery", want: "offer replace passkey"},
		{name: "nothing that is allowed can replace it here", policy: "standard only:passkey,recovery", enrolled: "totp passkey recovery!", proved: "pwd recovery", can: "nothing", want: "done"},
		{name: "trust this device", policy: "standard", enrolled: "totp recovery", proved: "pwd totp", can: "passkey platform", want: "offer trust"},
		{name: "trust, with a passkey that is elsewhere", policy: "standard", enrolled: "synced totp recovery", proved: "pwd totp", can: "passkey platform", want: "offer trust"},
		{name: "trust, after a recovery code too", policy: "standard", enrolled: "totp! recovery!", proved: "pwd recovery", can: "passkey platform", want: "offer trust"},
		{name: "trusted already", policy: "standard", enrolled: "passkey totp recovery", proved: "pwd totp", knows: "k1", can: "passkey platform", want: "done"},
		{name: "made in this sign-in", policy: "standard", enrolled: "passkey! totp recovery", proved: "pwd totp", can: "passkey platform", want: "done"},
		{name: "the device cannot", policy: "standard", enrolled: "totp recovery", proved: "pwd totp", want: "done"},
		{name: "not on this device", policy: "standard", enrolled: "totp recovery", proved: "pwd totp", can: "passkey platform", change: func(tx *login.Transaction) { tx.Device.Refused = true }, want: "done"},
		{name: "not before", policy: "standard", enrolled: "totp recovery", proved: "pwd totp", can: "passkey platform", change: remind(noon.Add(1)), want: "done"},
		{name: "but then", policy: "standard", enrolled: "totp recovery", proved: "pwd totp", can: "passkey platform", change: remind(noon), want: "offer trust"},
		{name: "the policy does not offer it", policy: "standard untrusted", enrolled: "totp recovery", proved: "pwd totp", can: "passkey platform", want: "done"},
		{name: "the policy allows no passkey", policy: "standard only:totp", enrolled: "totp", proved: "pwd totp", can: "passkey platform", want: "done"},
		{name: "who proved it by a passkey has one", policy: "standard", enrolled: "usb totp recovery", proved: "pwd totp-1h", can: "passkey platform", change: func(tx *login.Transaction) {
			tx.Proved = append(tx.Proved[:1], factors.Evidence{Kind: factors.Passkey, Source: "passkey:k3", Class: factors.Has, At: noon})
		}, want: "done"},
		{name: "A-30 a mail code earns no passkey", policy: "standard", enrolled: "totp email recovery", proved: "pwd email", can: "passkey platform", want: "done"},
		{name: "A-30 nor a recovery code", policy: "standard", enrolled: "totp email", proved: "pwd email", want: "done"},
		{name: "T-13 an open session is offered nothing", policy: "standard", enrolled: "totp", borrowed: "pwd totp", can: "passkey platform", want: "done"},
		{name: "T-50 nor who proved what was removed", policy: "off", enrolled: "totp", proved: "pwd lost", can: "passkey platform", want: "done"},
		{name: "tell the browser", policy: "standard", enrolled: "passkey synced recovery", proved: "keyuv", can: "passkey signal", change: func(tx *login.Transaction) { tx.Device.Signaled = "" }, want: "offer signal"},
		{name: "W-07 tell it another name", policy: "standard", enrolled: "passkey synced recovery", proved: "keyuv", can: "passkey signal", change: func(tx *login.Transaction) { tx.Called = "Anna" }, want: "offer signal"},
		{name: "tell it that there is none any more", policy: "standard", enrolled: "totp recovery", proved: "pwd totp", can: "signal", change: func(tx *login.Transaction) { tx.Device.Signaled = "x" }, want: "offer signal"},
		{name: "a browser that cannot be told", policy: "standard", enrolled: "passkey recovery", proved: "keyuv", change: func(tx *login.Transaction) { tx.Device.Signaled = "" }, want: "done"},
		{name: "it knows", policy: "standard", enrolled: "passkey recovery", proved: "keyuv", can: "passkey signal", want: "done"},
		{name: "P-15 no offer", policy: "standard", demand: demand{Silent: true}, enrolled: "totp", proved: "pwd totp", can: "passkey platform signal", change: made("k1"), want: "done"},
	})
}

// signedIn is a person whom the browser's session knows.
func signedIn(tx *login.Transaction) { tx.SessionID = "s1" }

func remindRecovery(at time.Time) func(*login.Transaction) {
	return func(tx *login.Transaction) { tx.Device.RemindRecovery = at }
}

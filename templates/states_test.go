package templates_test

import (
	"testing"
	"time"

	"github.com/vsee/vseeid/templates"
)

// The options that a browser would be given, as short as it takes them.
const (
	creation = `{"rp":{"id":"localhost","name":"VSee"},"user":{"id":"AAECAwQFBgcICQoLDA0ODw","name":"` + charlotte + `","displayName":"Charlotte Jones"},` +
		`"challenge":"gVxNVb6ZwYkT3wq5tzWQ3x0n0SVl0R3N1m3Wf3n0abc","pubKeyCredParams":[{"type":"public-key","alg":-7},{"type":"public-key","alg":-257}],` +
		`"timeout":300000,"excludeCredentials":[],"authenticatorSelection":{"residentKey":"required","requireResidentKey":true,"userVerification":"required"},"attestation":"none"}`
	request  = `{"challenge":"gVxNVb6ZwYkT3wq5tzWQ3x0n0SVl0R3N1m3Wf3n0abc","timeout":300000,"rpId":"localhost","allowCredentials":[],"userVerification":"required"}`
	accepted = `{"rpId":"localhost","userId":"AAECAwQFBgcICQoLDA0ODw","allAcceptedCredentialIds":["vI0qOggiE3OT01ZRWBYz5l4MEgU0c7PmAA"]}`
	details  = `{"rpId":"localhost","userId":"AAECAwQFBgcICQoLDA0ODw","name":"` + charlotte + `","displayName":"Charlotte Jones"}`
	unknown  = `{"rpId":"localhost","credentialId":"vI0qOggiE3OT01ZRWBYz5l4MEgU0c7PmAA"}`
)

var (
	using  = templates.Ceremony{Action: tx + "/passkey", Options: request, Expires: 5 * time.Minute}
	making = templates.Ceremony{Action: tx + "/passkey", Options: creation, Create: true, Expires: 5 * time.Minute, Absent: true}
	now    = time.Date(2026, time.November, 24, 9, 30, 0, 0, time.UTC)

	signals = templates.Signals{Accepted: accepted, Details: details, Told: "what it was told"}
)

// The ways in which a ceremony ends without a passkey.
var endings = []string{
	"passkey.cancelled", "passkey.late", "passkey.elsewhere", "passkey.already", "passkey.unsupported", "passkey.nolock", "passkey.failed",
	"passkey.wrong", "passkey.unverified", "passkey.unknown", "passkey.expired", "passkey.taken", "passkey.cloned",
}

// passkeys are the pages with a ceremony.
func passkeys() []shown {
	auto := using
	auto.Auto = true
	asked := using
	asked.Absent = true
	identifier := templates.Identifier{Frame: frame, Action: tx + "/identifier", Passkey: auto}
	identifierStopped, identifierFormat := identifier, identifier
	identifierStopped.Problem = text("passkey.cancelled")
	identifierFormat.Problem, identifierFormat.Email = text("identifier.format"), "charlotte"
	password := templates.Password{Frame: frame, Action: tx + "/password", Edit: tx + "/switch", Email: charlotte, Passkey: using}
	passwordUnknown, passwordAgain := password, password
	passwordAgain.Again = templates.Again{Why: text("again.app"), Cancel: tx + "/cancel"}
	passwordUnknown.Problem = text("passkey.unknown")
	passwordPolicy := password
	passwordPolicy.Passkey, passwordPolicy.Problem = templates.Ceremony{}, text("passkey.policy")
	passkey := templates.Passkey{Frame: frame, Ceremony: asked, Email: charlotte, Other: tx + "/method", Switch: tx + "/switch"}
	passkeyAgain, passkeyMade := passkey, passkey
	passkeyMade.Made, passkeyMade.Other = true, ""
	passkeyAgain.Again = templates.Again{Why: text("again.change"), Cancel: tx + "/cancel"}
	alone, waiting, closed, closedAll, gone := passkey, passkey, passkey, passkey, passkey
	alone.Other, alone.Alone, alone.Lost = "", true, tx+"/lost"
	waiting.Problem, waiting.Retry = text("attempt.wait"), 40*time.Second
	closed.Closed = true
	closedAll.Closed, closedAll.Other, closedAll.Cancel, closedAll.Reference = true, "", tx+"/cancel", "0JMQW2T7ZK4E"
	gone.Problem, gone.Signal = text("passkey.unknown"), unknown
	trust := templates.Trust{Frame: frame, Ceremony: making, Later: tx + "/later", After: 14 * 24 * time.Hour, Never: tx + "/never"}
	trustLock := trust
	trustLock.Problem = text("passkey.nolock")
	registered := templates.Registered{Frame: frame, Action: tx + "/name", Name: "Charlotte's iPhone", Signals: signals}
	registeredEmpty := registered
	registeredEmpty.Name, registeredEmpty.Problem = "", text("name.empty")
	pages := []shown{
		{"identifier-passkey", identifier},
		{"identifier-passkey-stopped", identifierStopped},
		{"identifier-passkey-format", identifierFormat},
		{"password-passkey", password},
		{"password-passkey-unknown", passwordUnknown},
		{"password-again", passwordAgain},
		{"passkey-again", passkeyAgain},
		{"passkey-made", passkeyMade},
		{"password-passkey-policy", passwordPolicy},
		{"passkey", passkey},
		{"passkey-alone", alone},
		{"passkey-locked", waiting},
		{"passkey-closed", closed},
		{"passkey-closed-all", closedAll},
		{"passkey-gone", gone},
		{"trust", trust},
		{"trust-nolock", trustLock},
		{"registered", registered},
		{"registered-empty", registeredEmpty},
		{"signal", templates.Signal{Frame: frame, Action: "/gallery/taken", Signals: signals}},
	}
	for _, key := range endings {
		ended := passkey
		ended.Problem = text(key)
		pages = append(pages, shown{"passkey-ended-" + key[len("passkey."):], ended})
	}
	return pages
}

// mailed are the states of a code by email.
func mailed() []shown {
	mail := templates.Mailed{Address: "char*****@riverside.example", Resend: tx + "/resend", Wait: 27 * time.Second, State: "sent"}
	email := templates.Challenge{
		Frame: frame, Kind: "email", Action: tx + "/challenge", Email: charlotte, Mail: mail, Other: tx + "/method", Switch: tx + "/switch",
	}
	wrong, delayed, refused, limited, unsent, unsentAlone, ready := email, email, email, email, email, email, email
	ready.Mail.Wait = 0
	resent := email
	resent.Mail.Resent = true
	wrong.Problem = text("email.expired")
	delayed.Mail.State, refused.Mail.State, refused.Mail.Wait = "delayed", "refused", 0
	limited.Problem = templates.Text{Key: "email.limit", Args: map[string]any{"Wait": 42 * time.Minute}}
	unsent.Mail = templates.Mailed{Resend: tx + "/resend"}
	unsent.Problem = text("email.unsent")
	unsentAlone.Mail, unsentAlone.Other = templates.Mailed{}, ""
	unsentAlone.Problem, unsentAlone.Cancel, unsentAlone.Reference = limited.Problem, tx+"/cancel", "0JMQW2T7ZK4E"
	return []shown{
		{"email", email},
		{"email-ready", ready},
		{"email-resent", resent},
		{"email-expired", wrong},
		{"email-delayed", delayed},
		{"email-refused", refused},
		{"email-limit", limited},
		{"email-unsent", unsent},
		{"email-unsent-alone", unsentAlone},
	}
}

// setUp are the pages that set something up, or offer to.
func setUp(t testing.TB) []shown {
	totp := templates.EnrollTOTP{
		Frame: frame, Action: tx + "/enroll", QR: drawQR(t), Key: key, URI: uri, Toggle: tx + "?view=key", Email: charlotte, Cancel: tx + "/cancel",
		Other: tx + "/method", Later: tx + "/later", Leave: templates.Leave{Until: time.Date(2026, time.December, 3, 0, 0, 0, 0, time.UTC), Org: "Riverside"},
	}
	adding := totp
	adding.Later, adding.Leave, adding.Other, adding.Adding = "", templates.Leave{}, "", true
	replace := adding
	replace.Aside, replace.Replace = true, true
	passkey := templates.EnrollPasskey{
		Frame: frame, Ceremony: making, Email: charlotte, Other: tx + "/method", Cancel: tx + "/cancel", Later: tx + "/later",
		Leave: templates.Leave{Skips: 2, Org: "Riverside"},
	}
	passkeyAdding, passkeyAlready := passkey, passkey
	passkeyAnother := passkey
	passkeyAdding.Later, passkeyAdding.Leave, passkeyAdding.Other, passkeyAdding.Adding = "", templates.Leave{}, "", true
	passkeyAnother.Later, passkeyAnother.Leave, passkeyAnother.Other, passkeyAnother.Adding = "", templates.Leave{}, "", true
	passkeyAnother.Problem = text("passkey.already")
	passkeyAlready.Problem, passkeyAlready.Leave.Skips = text("passkey.already"), 1
	app := templates.Factor{Kind: "totp", Name: "Authenticator app", Created: now.AddDate(0, -4, 0), LastUsed: now.AddDate(0, 0, -9)}
	lost := templates.Factor{Kind: "passkey", Name: "Charlotte's iPhone", Place: "synced", Keeper: "iCloud Keychain", Created: now.AddDate(0, -3, -2), LastUsed: now.AddDate(0, 0, -2)}
	ticket := templates.Ticket{Frame: frame, Action: tx + "/ticket", Email: charlotte, Cancel: tx + "/cancel", Reference: "0JMQW2T7ZK4E"}
	ticketWrong, ticketClosed := ticket, ticket
	ticketWrong.Problem, ticketClosed.Closed = text("ticket.wrong"), true
	return []shown{
		{"enroll-later", totp},
		{"enroll-adding", adding},
		{"enroll-replace", replace},
		{"enroll-passkey", passkey},
		{"enroll-passkey-adding", passkeyAdding},
		{"enroll-passkey-already", passkeyAlready},
		{"enroll-passkey-another", passkeyAnother},
		{"recovery-adding", templates.RecoveryCode{Frame: frame, Action: tx + "/recovery", Later: tx + "/later", Code: "WUVDS24HFGEXBKPVRDPVC8TD", Adding: true, Has: true}},
		{"replace", templates.Replace{
			Frame: frame, Action: tx + "/replace", Kinds: []string{"totp", "passkey"}, Later: tx + "/later", Lost: []templates.Factor{lost, app},
		}},
		{"replace-passkey", templates.Replace{
			Frame: frame, Action: tx + "/replace", Kinds: []string{"totp"}, Later: tx + "/later", Lost: []templates.Factor{lost},
		}},
		{"ticket", ticket},
		{"ticket-wrong", ticketWrong},
		{"ticket-closed", ticketClosed},
		{"methods-all", templates.Methods{
			Frame: frame, Action: tx + "/method", Kinds: []string{"passkey", "totp", "email", "recovery", "password"}, Back: tx,
		}},
		{"methods-missing", templates.Methods{
			Frame: frame, Action: tx + "/method", Kinds: []string{"recovery"}, Back: tx, Reference: "0JMQW2T7ZK4E", Lost: tx + "/lost",
			Missing: []templates.Missing{
				{Kind: "passkey", Why: text("method.missing.browser")},
				{Kind: "totp", Why: text("method.missing.closed")},
				{Kind: "email", Why: templates.Text{Key: "method.missing.mailbox", Args: map[string]any{"Until": now.AddDate(0, 0, 5)}}},
				{Kind: "totp", Why: text("method.missing.lesser")},
			},
		}},
		{"methods-enroll", templates.Methods{Frame: frame, Action: tx + "/method", Kinds: []string{"totp", "passkey"}, Enroll: true, Back: tx}},
	}
}

// account is what a person sees of the own account.
func account() []shown {
	noApp := frame
	noApp.App = ""
	iPhone := templates.Factor{
		Kind: "passkey", Name: "Charlotte's iPhone", Place: "synced", Keeper: "iCloud Keychain", Created: now.AddDate(0, -3, -2), LastUsed: now.Add(-time.Hour), Here: true, Link: "/account/factors/1",
	}
	laptop := templates.Factor{Kind: "passkey", Name: "Charlotte's Windows computer", Place: "device", Created: now.AddDate(-1, 0, 0), Held: now.Add(14 * time.Hour), Link: "/account/factors/2"}
	yubi := templates.Factor{
		Kind: "passkey", Name: "Charlotte's security key", Place: "key", Created: now.AddDate(0, -1, 0), LastUsed: now.AddDate(0, 0, -20), Barred: true, Link: "/account/factors/3",
	}
	app := templates.Factor{Kind: "totp", Name: "Authenticator app", Created: now.AddDate(0, -4, 0), LastUsed: now.AddDate(0, 0, -9), Link: "/account/factors/4"}
	here := templates.Device{Name: "Safari on an iPhone", Phone: true, Address: "203.0.113.24", Created: now.AddDate(0, 0, -6), LastUsed: now, Here: true}
	there := templates.Device{
		Name: "Chrome on Windows", Address: "2001:db8:85a3:8d3:1319:8a2e:370:7348", Created: now.AddDate(0, 0, -12), LastUsed: now.Add(-30 * time.Hour), Link: "/account/sessions/2",
	}
	full := templates.Account{
		Frame: noApp, Name: "Charlotte Jones", Email: charlotte, Org: "Riverside Health",
		Factors:  []templates.Factor{iPhone, laptop, yubi, app},
		Recovery: templates.Recovery{Has: true, Created: now.AddDate(0, -4, 0), New: "/account/recovery"},
		Default:  "passkey", Choices: []string{"passkey", "totp", "email"}, DefaultPage: "/account/default",
		AddTOTP: "/account/add/totp", AddPasskey: "/account/add/passkey", Password: "/account/password", PasswordSet: now.AddDate(-1, 0, 3),
		Devices: []templates.Device{here, there}, Others: "/account/sessions/others",
		Activity: []templates.Activity{
			{What: text("activity.signedin"), At: now, Device: here.Name, Address: here.Address},
			{What: text("activity.failed.factor"), At: now.Add(-26 * time.Hour), Device: there.Name, Address: there.Address, Odd: true},
			{What: text("activity.added.passkey"), At: now.AddDate(0, -1, 0), Device: there.Name, Address: there.Address},
		},
		Trust: "/account/trust", SignOut: "/account/signout", Signals: signals, Done: text("account.done.renamed"),
	}
	empty := templates.Account{
		Frame: noApp, Email: "charlotte.konstantinopoulos-whittaker@riverside-health.example",
		AddTOTP: "/account/add/totp", AddPasskey: "/account/add/passkey", Recovery: templates.Recovery{New: "/account/recovery"},
		Devices: []templates.Device{here}, SignOut: "/account/signout", Problem: text("account.full"),
	}
	off := templates.Account{
		Frame: noApp, Name: "Sam Rivera", Email: charlotte, Org: "Lakeside", Off: true, Password: "/account/password", PasswordSet: now.AddDate(0, -2, 0),
		Devices: []templates.Device{here}, SignOut: "/account/signout", Done: text("account.done.password"),
	}
	barred := templates.Account{Frame: noApp, Name: "Charlotte Jones", Email: charlotte, Org: "Riverside Health", Devices: []templates.Device{here}, SignOut: "/account/signout"}
	factor := templates.FactorPage{Frame: noApp, Factor: iPhone, Rename: "/account/factors/1", Remove: "/account/factors/1/remove", Back: "/account"}
	last, factorLong := factor, factor
	last.Factor, last.Last = app, true
	factorLong.Problem = text("name.long")
	factorRecovery := factor
	factorRecovery.Factor, factorRecovery.Recovery, factorRecovery.Alone = app, true, true
	password := templates.PasswordPage{Frame: noApp, Action: "/account/password", Email: charlotte, Min: 12, Back: "/account"}
	wrongCurrent := password
	wrongCurrent.Current = text("newpassword.current.wrong")
	byLink := password
	byLink.ByLink, byLink.Back = true, ""
	byLink.Problem = templates.Text{Key: "newpassword.short", Args: map[string]any{"Min": 12}}
	return []shown{
		{"account", full},
		{"account-empty", empty},
		{"account-barred", barred},
		{"account-off", off},
		{"factor", factor},
		{"factor-last", last},
		{"factor-long", factorLong},
		{"factor-recovery", factorRecovery},
		{"default", templates.DefaultPage{Frame: noApp, Action: "/account/default", Choices: []string{"passkey", "totp", "email"}, Default: "totp", Back: "/account"}},
		{"newpassword", password},
		{"newpassword-current", wrongCurrent},
		{"newpassword-link", byLink},
		{"confirm-session", templates.Confirm{
			Frame: noApp, Title: text("account.end.title"), Body: []templates.Text{text("account.end.body")}, Device: there,
			Action: "/account/sessions/2", Button: text("account.devices.end"), Danger: true, Back: "/account",
		}},
		{"confirm-recovery", templates.Confirm{
			Frame: noApp, Title: text("account.recovery.new"), Body: []templates.Text{text("account.recovery.replace")},
			Action: "/account/recovery", Button: text("account.recovery.new"), Back: "/account", Problem: text("busy.retry"),
		}},
		{"link-ask", templates.Notice{
			Frame: noApp, Title: text("link.ask.title"), Body: []templates.Text{text("link.ask.body"), text("link.ask.otherwise"), text("link.ask.default"), text("link.ask.removes")}, Things: []templates.Factor{laptop},
			Button: templates.Action{URL: "/u/notice/a", Label: text("link.press")}, Danger: true,
		}},
		{"link-finished", templates.Notice{
			Frame: noApp, Title: text("link.finished.title"), Body: []templates.Text{text("link.finished.body"), text("link.finished.removed.passkey"), text("link.finished.default"), text("link.finished.left")}, Things: []templates.Factor{app},
			Link: templates.Action{URL: "/account", Label: text("notice.signin")},
		}},
		{"confirm-lost", templates.Confirm{
			Frame: frame, Title: text("lost.ask.title"), Body: []templates.Text{text("lost.ask.body"), text("lost.ask.otherwise"), text("lost.left.none"), text("lost.left")}, Ways: []string{"passkey", "totp", "recovery"},
			Action: tx + "/lost", Button: text("lost.press"), Danger: true, Back: tx,
		}},
		{"notice-lost-device", templates.Notice{
			Frame: frame, Title: text("lost.done.title"), Body: []templates.Text{text("lost.done.body"), text("lost.left.totp"), text("lost.none")},
			Reference: "0JMQW2T7ZK4E", Button: templates.Action{URL: tx + "/cancel", Label: text("notice.back")},
		}},
		{"notice-stuck", templates.Notice{
			Frame: frame, Title: text("notice.stuck.title"), Body: []templates.Text{text("notice.stuck.body")}, Reference: "0JMQW2T7ZK4E",
			Button: templates.Action{URL: tx + "/cancel", Label: text("notice.back")},
		}},
	}
}

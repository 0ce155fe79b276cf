package templates

import "time"

// Text is a message of the message files with what fills its gaps.
type Text struct {
	Key  string
	Args map[string]any
}

// IsZero reports whether there is nothing to say.
func (t Text) IsZero() bool { return t.Key == "" }

// Brand is how the pages look: from the configuration, or an organization's own.
type Brand struct {
	Name   string // "VSee"
	Logo   string // path of an image of ours; empty for the name in letters
	Accent string // CSS colour of buttons in light mode, "#rrggbb"; empty for the default
	// Support is the mail address of who helps, for the pages that send people to ask; empty: they
	// only say "support".
	Support string
}

// Frame is what every page has around its content.
type Frame struct {
	Brand  Brand
	App    string // the client that the person is signing in to; empty for none
	Locale string // BCP 47, of the messages
}

// Ceremony is what the script needs to make or use a passkey. It shows its button, asks the browser and
// posts to Action: `response` (PublicKeyCredential.toJSON()) and `attachment`; or `error` (the name of
// what the browser threw) and `late` (it took as long as the browser was given). Without a script, or
// in a browser without WebAuthn, there is no button but words that say so, where Absent asks for them.
type Ceremony struct {
	Action  string
	Options string // PublicKeyCredentialCreationOptionsJSON or …RequestOptionsJSON; empty: no ceremony
	Create  bool
	Auto    bool          // also offered by the autofill of the mail address (conditional mediation)
	Expires time.Duration // how long the options are good from now: a page on which nothing was typed is loaded again then
	Absent  bool
	Alone   bool // with Absent: the page has no other way
}

// Again says why somebody who is signed in is asked once more; zero for who is not.
type Again struct {
	Why    Text
	Cancel string // POST here to go back as before
}

// Can is the name of the hidden field of the main form of every page of a sign-in, and of every Ceremony,
// that the script fills with what the browser can, separated by spaces: "passkey", "platform", "signal"; "asking"
// while the browser has not said whether it is "platform", and "none" where it can nothing. Empty, it says nothing:
// no script has run, or not yet.
const Can = "can"

// Identifier is the first page: SIGN IN, Email, Continue, and a passkey instead.
type Identifier struct {
	Frame
	Action  string // where the form posts: field `email`
	Email   string // prefilled
	Passkey Ceremony
	Signal  string // as in Passkey
	Problem Text
}

// Password asks for the password of Email.
type Password struct {
	Frame
	Action  string // fields `email` (hidden, for password managers; never trusted) and `password`
	Edit    string // POST here without fields to change the address
	Email   string
	Problem Text
	Retry   time.Duration // with Problem: how long nothing is verified; 0: now
	Closed  bool          // no password is taken for Email: no form, but whom to ask
	Passkey Ceremony      // instead of the password, by any passkey of the browser; also with Closed
	Signal  string        // as in Passkey
	Again   Again

	Cancel    string // with Closed: POST here to go back to the app without signing in
	Reference string // with Closed: the request id, for who is asked
}

// EnrollTOTP is "Secure Your Account": by QR code, or by key when Manual.
type EnrollTOTP struct {
	Frame
	Action  string // field `code`
	QR      QR
	Key     string // base32, to be shown in groups of four and copied without spaces
	URI     string // otpauth:, for a link that opens an authenticator app on this device
	Manual  bool
	Toggle  string // the link to the other view
	Email   string
	Cancel  string // POST here to go back to the app without signing in
	Other   string // link to another way to set up; empty: this one only
	Later   string // POST here to put it off, as Leave says; empty: it cannot be
	Leave   Leave
	Adding  bool // it is one more, and Cancel leads back to the account page
	Aside   bool // with Adding: the person is on the way to an app, and Cancel goes on to it
	Replace bool // it takes the place of the authenticator apps that are set up
	Problem Text
}

// Leave says how long setting up a factor may be put off.
type Leave struct {
	Until time.Time // zero: not by time
	Skips int       // how often it may still be put off; 0: not by number
	Org   string    // whose policy asks for it
}

// QR is a QR code as the path data of one SVG path on a grid of Size modules, quiet zone included.
type QR struct {
	Size int
	Path string
}

// RecoveryCode is "Almost There!": the code, once, and the box that says it is recorded.
type RecoveryCode struct {
	Frame
	Action   string        // fields `confirmed` (checkbox) and nothing else
	Later    string        // POST here to put it off; with Adding, back to the account page
	After    time.Duration // which is this, without Adding; 0: at the next sign-in
	Adding   bool          // the person came from the account page for it
	Has      bool          // with Adding: there is one, which works until this one is recorded
	Code     string        // 24 characters, to be shown in groups of four and copied without spaces
	Replaces bool          // it replaces one that was just used
	Problem  Text
}

// Challenge is "Verify Your Identity" for one kind of factor, by a code.
type Challenge struct {
	Frame
	Kind    string // "totp", "email" or "recovery"
	Action  string // field `code`
	Email   string
	Mail    Mailed // with Kind "email"
	Again   Again
	Lost    string // link for who has lost a device and finds no other way here; empty: the list of methods has it
	Other   string // link to "Try another method"; empty when there is no other
	Switch  string // POST here to use another account
	Problem Text
	Retry   time.Duration
	Closed  bool // this kind is closed until it is set up again: no form, another way

	Cancel    string // with Closed and no Other: POST here to go back to the app without signing in
	Reference string // likewise: the request id, for who is asked
}

// Mailed is what became of the mail with a code.
type Mailed struct {
	Address string        // masked; empty: nothing was sent, and Problem says why: no form, another way
	Resend  string        // POST here for another mail
	Resent  bool          // it is another one, which the person asked for
	Wait    time.Duration // until Resend is taken; the script counts it down and lets the button be pressed then
	State   string        // "waiting", "sent", "delayed", "refused": what is not sent is said on the page
	Watch   string        // GET here answers 200 and one of those words as text; empty: it will not change. The script asks every few seconds and loads the page again on "delayed" and "refused"
}

// Passkey is "Use fingerprint or face recognition to login".
type Passkey struct {
	Frame
	Ceremony
	Email   string
	Other   string // link to "Try another method"; empty when there is no other
	Switch  string // POST here to use another account
	Again   Again
	Lost    string // as in Challenge
	Made    bool   // it was made just now, and is used for the first time
	Signal  string // a credential that is none: the argument of PublicKeyCredential.signalUnknownCredential; empty: none
	Problem Text
	Retry   time.Duration
	Closed  bool

	Cancel    string
	Reference string
}

// EnrollPasskey sets a passkey up: as the first factor, or as what the person came from the account
// page for.
type EnrollPasskey struct {
	Frame
	Ceremony
	Email   string
	Other   string // link to another way to set up; empty: this one only
	Cancel  string
	Later   string // as in EnrollTOTP
	Leave   Leave
	Adding  bool
	Aside   bool // as in EnrollTOTP
	Problem Text
}

// Trust is "Log In Faster on This Device": Continue makes a passkey.
type Trust struct {
	Frame
	Ceremony
	Later   string        // POST here: "Remind me later"
	After   time.Duration // which is this
	Never   string        // POST here: "Not on this device"
	Problem Text
}

// Registered is "Device registration successful": the name can be changed.
type Registered struct {
	Frame
	Action  string // field `name`
	Name    string
	Signals Signals
	Problem Text
}

// Signals are what a page tells the browser of the person's passkeys: the arguments of methods of
// PublicKeyCredential, each empty for nothing.
type Signals struct {
	Accepted string // signalAllAcceptedCredentials
	Details  string // signalCurrentUserDetails
	Told     string // what stands for them; sent back in the field Told by a page that has a form of its own
}

// Told is the name of a hidden field of Registered and Signal: see Signals.
const Told = "told"

// Replace offers to set up again what may be lost, after a recovery code was used.
type Replace struct {
	Frame
	Action string   // field `method`, one submit button for each of Kinds; a new authenticator app takes the place of the old ones
	Kinds  []string // "totp", "passkey": what can be set up here, the first one first
	Later  string   // POST: not now
	Lost   []Factor // what is set up
}

// Signal is a page that tells the browser which passkeys are still good and goes on by itself, or by a
// visible button.
type Signal struct {
	Frame
	Action  string // POST: go on
	Signals Signals
}

// Ticket asks for the one-time ticket that support gave, before a first factor is set up.
type Ticket struct {
	Frame
	Action    string // field `code`
	Email     string
	Cancel    string
	Reference string
	Problem   Text
	Retry     time.Duration
	Closed    bool
}

// Methods is "Try another method", or another way to set up.
type Methods struct {
	Frame
	Action string   // field `method`, one submit button for each
	Kinds  []string // "passkey", "totp", "email", "recovery", "password", in the order to show
	Enroll bool     // they are to be set up
	// Missing are the ways that the person has and that are not offered here, and why.
	Missing   []Missing
	Back      string // link to the page that was left
	Reference string // for who can use none of them and asks for help; empty: not said
	Lost      string // link to say that a device is lost
}

// Missing is a way that is not offered, and why: a message key, method.missing.*.
type Missing struct {
	Kind string
	Why  Text
}

// Notice is a page that says what happened and what to do: a lost sign-in, a refusal, an error.
type Notice struct {
	Frame
	Title     Text
	Body      []Text
	Things    []Factor // which the last of Body tells of
	Ways      []string // likewise: kinds of ways to sign in
	Reference string   // the request id, for support and the log
	Link      Action   // GET
	Button    Action   // POST
	Second    Action   // POST, where there is a choice
	Danger    bool     // Button takes something away
}

// Action is something to press. It is absent when URL is empty.
type Action struct {
	URL    string
	Label  Text
	Fields []Field
}

// Field is one hidden field of a form.
type Field struct{ Name, Value string }

// FormPost is the page that carries an authorization response to the client by itself, and by a
// visible button without JavaScript (OAuth 2.0 Form Post Response Mode).
type FormPost struct {
	Frame
	Action string
	Fields []Field
}

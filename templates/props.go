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
}

// Frame is what every page has around its content.
type Frame struct {
	Brand  Brand
	App    string // the client that the person is signing in to; empty for none
	Locale string // BCP 47, of the messages
}

// Identifier is the first page: SIGN IN, Email, Continue.
type Identifier struct {
	Frame
	Action  string // where the form posts: field `email`
	Email   string // prefilled
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
	Problem Text
}

// QR is a QR code as the path data of one SVG path on a grid of Size modules, quiet zone included.
type QR struct {
	Size int
	Path string
}

// RecoveryCode is "Almost There!": the code, once, and the box that says it is recorded.
type RecoveryCode struct {
	Frame
	Action   string // fields `confirmed` (checkbox) and nothing else
	Later    string // POST here to put it off
	Code     string // 24 characters, to be shown in groups of four and copied without spaces
	Replaces bool   // it replaces one that was just used
	Problem  Text
}

// Challenge is "Verify Your Identity" for one kind of factor.
type Challenge struct {
	Frame
	Kind    string // "totp" or "recovery"
	Action  string // field `code`
	Email   string
	Other   string // link to "Try another method"; empty when there is no other
	Switch  string // POST here to use another account
	Problem Text
	Retry   time.Duration
	Closed  bool // this kind is closed until it is set up again: no form, another way

	Cancel    string // with Closed and no Other: POST here to go back to the app without signing in
	Reference string // likewise: the request id, for who is asked
}

// Methods is "Try another method".
type Methods struct {
	Frame
	Action string   // field `method`, one submit button for each
	Kinds  []string // "totp", "recovery", in the order to show
	Back   string   // link to the page that was left
}

// Notice is a page that says what happened and what to do: a lost sign-in, a refusal, an error.
type Notice struct {
	Frame
	Title     Text
	Body      []Text
	Reference string // the request id, for support and the log
	Link      Action // GET
	Button    Action // POST
	Second    Action // POST, where there is a choice
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

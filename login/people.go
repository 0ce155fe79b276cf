package login

import (
	"time"

	"github.com/vsee/vseeid/factors"
)

// User is a person who can sign in.
type User struct {
	ID            string // UUIDv7; the `sub` of every token
	Email         string // lower case; unique among live users
	EmailVerified bool
	EmailSet      time.Time // when the address or its verification changed last: the mailbox is as old as that
	Name          string
	Locale        string // BCP 47, empty when not known
	PasswordHash  string // PHC string; empty when the person has no password
	Passwords     int64  // how often the password was set or taken away: which one it is
	PasswordSet   time.Time
	PasswordMail  time.Time    // when the password was set on the word of the mailbox alone; zero: it was not, or another came since
	Default       factors.Kind // what the person wants to be asked for first; empty: no wish
	Since         time.Time    // nothing that was proved before counts any more; zero: everything does
	ShutOut       time.Time    // when every session but Kept was ended: what was proved before counts in no other sign-in; zero: never
	Kept          string       // the session that went on then; empty: none
	Changes       int64        // how often the factors, the mail address or its verification changed: a grant that saw fewer is judged anew
	Disabled      time.Time    // zero: the person may sign in
	Created       time.Time
	Updated       time.Time
	Version       int64 // for compare-and-set
}

// Grounds are what a decision about a person's factors stood on. What was decided is done only if they
// are still the person's, and the person may sign in: otherwise it is to be decided anew.
type Grounds struct {
	Passwords, Changes int64     // User.Passwords, User.Changes
	Since, ShutOut     time.Time // User.Since, User.ShutOut
}

// Grounds are those of what is decided about u as it was read. What else a decision takes, the factors,
// has to be read after it.
func (u User) Grounds() Grounds {
	return Grounds{Passwords: u.Passwords, Changes: u.Changes, Since: u.Since, ShutOut: u.ShutOut}
}

// Factor is what a factor may know of the person.
func (u User) Factor() factors.User { return factors.User{ID: u.ID, Email: u.Email, Name: u.Name} }

// called is all that the person's passkeys are called by.
func (u User) called() string { return u.Email + "\n" + u.Name }

// Org is an organization: a practice, a hospital, a group of people under one policy.
type Org struct {
	ID      string // what the `organization` parameter and the `org_id` claim say; never changes, never reused
	Name    string // what people read
	Policy  Policy
	Created time.Time
	Updated time.Time
	Version int64

	Joined time.Time // in a Standing: when the person became a member
	Skips  int       // in a Standing: how often the person put off setting up a factor
}

// Membership says that a person belongs to an organization.
type Membership struct {
	UserID  string
	OrgID   string
	Created time.Time
}

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
	Name          string
	Locale        string // BCP 47, empty when not known
	PasswordHash  string // PHC string; empty when the person has no password
	PasswordSet   time.Time
	Disabled      time.Time // zero: the person may sign in
	Created       time.Time
	Updated       time.Time
	Version       int64 // for compare-and-set
}

// Factor is what a factor may know of the person.
func (u User) Factor() factors.User { return factors.User{ID: u.ID, Email: u.Email, Name: u.Name} }

// Org is an organization: a practice, a hospital, a group of people under one policy.
type Org struct {
	ID      string // what the `organization` parameter and the `org_id` claim say; never changes, never reused
	Name    string // what people read
	Policy  Policy
	Created time.Time
	Updated time.Time
	Version int64
}

// Membership says that a person belongs to an organization.
type Membership struct {
	UserID  string
	OrgID   string
	Created time.Time
}

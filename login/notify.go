package login

import (
	"time"

	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/storage"
)

// LinkLifetime is how long a "this was not me" can be pressed. notice.Undo is how long it also takes away
// what was set up, and how far back: whoever holds the mailbox alone must not take a factor away for
// ever.
const LinkLifetime = 7 * 24 * time.Hour

// notify adds to trail the mail about a change, with a link by which its person can say that it was
// somebody else. enrollmentID is what was set up, and empty for every other change. An address that nobody
// has shown to be the person's gets no link: whoever reads it could take the account over.
func (s *Server) notify(trail *storage.Trail, u User, what notice.Change, enrollmentID string, at time.Time, from storage.Origin) {
	if !u.EmailVerified {
		trail.Mails = append(trail.Mails, s.Notices.Changed(u.Factor(), what, "", at, from))
		return
	}
	token := newSecret()
	trail.Mails = append(trail.Mails, s.Notices.Changed(u.Factor(), what, token, at, from))
	trail.Links = append(trail.Links, storage.Link{
		Token: token, UserID: u.ID, EnrollmentID: enrollmentID, At: at, Expires: at.Add(LinkLifetime),
	})
}

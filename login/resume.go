package login

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"slices"
	"time"
)

// bookmark remembers, in the browser, the authorization request of a transaction, so that a
// transaction that is lost, expired or finished can be started again for the same app.
type bookmark struct {
	Tx      []byte    `json:"t"` // the first bytes of the SHA-256 of the transaction's id
	Request []byte    `json:"r,omitempty"`
	Return  string    `json:"p,omitempty"` // of a sign-in for a page of ours: that page
	Started time.Time `json:"s"`
	Done    bool      `json:"d,omitempty"`
}

const (
	resumePurpose  = "resume cookie"
	resumeAge      = 24 * time.Hour
	resumeLimit    = 3500 // of the cookie's value; browsers keep 4096 bytes with name and attributes
	bookmarkIDSize = 8    // it tells a handful of transactions apart and is no secret
)

func bookmarkID(tx string) []byte {
	sum := sha256.Sum256([]byte(tx))
	return sum[:bookmarkIDSize]
}

// bookmarks are those of the browser, newest first; none where the cookie is absent or does not
// open, for they are a convenience and nothing rests on them.
func (s *Server) bookmarks(r *http.Request) []bookmark {
	var out []bookmark
	if !s.sealed(r, resumeCookie, resumePurpose, &out) {
		return nil
	}
	return out
}

// bookmarkOf finds the one of a transaction.
func (s *Server) bookmarkOf(r *http.Request, tx string) (bookmark, bool) {
	all := s.bookmarks(r)
	i := slices.IndexFunc(all, func(b bookmark) bool { return bytes.Equal(b.Tx, bookmarkID(tx)) })
	if i < 0 {
		return bookmark{}, false
	}
	return all[i], true
}

// remember puts a transaction in front, in place of what it said before, and forgets the oldest
// until the rest fits. A request too long for a cookie is not remembered.
func (s *Server) remember(w http.ResponseWriter, r *http.Request, tx Transaction, done bool) error {
	first := bookmark{Tx: bookmarkID(tx.ID), Request: tx.Request, Return: tx.home(), Started: tx.Started.Truncate(time.Second), Done: done}
	all := slices.DeleteFunc(s.bookmarks(r), func(b bookmark) bool { return bytes.Equal(b.Tx, first.Tx) })
	all = slices.Insert(all, 0, first)
	for ; len(all) > 0; all = all[:len(all)-1] {
		value, err := s.seal(resumePurpose, all)
		if err != nil {
			return err
		}
		if len(value) <= resumeLimit {
			s.cookies.set(w, resumeCookie, value, resumeAge)
			return nil
		}
	}
	return nil
}

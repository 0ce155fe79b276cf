package login

import (
	"errors"
	"net/http"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

// ticket takes the one-time ticket of support, before a first factor is set up.
func (s *Server) ticket(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.answer(w, r, Ticket)
	if err != nil || !ok {
		return err
	}
	typed := r.PostFormValue("code")
	if typed == "" {
		return s.wrong(w, r, v, says("ticket.empty"))
	}
	code, err := factors.Base32(typed, ticketLength)
	if err != nil {
		return s.wrong(w, r, v, says("ticket.format"))
	}
	r, done := heldOn(r)
	defer done()
	ctx := r.Context()
	trail := storage.With(storage.Event{At: v.now, Type: storage.TicketUsed, UserID: v.user.ID, OrgID: v.org.ID})
	right, err := s.counted(ctx, factors.Ticket, AttemptKey(factors.Ticket, v.user.ID), v.user, v.now, func() (bool, error) {
		err := s.Tickets.BurnTicket(ctx, v.user.ID, code, v.now, trail)
		if errors.Is(err, storage.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	})
	var l locked
	switch {
	case errors.As(err, &l):
		return s.wait(w, r, v, l)
	case err != nil:
		return storeFailed("use a ticket", err)
	case !right:
		return s.notRight(w, r, v, says("ticket.wrong"))
	}
	tx, err := s.proved(ctx, v.tx, v.user.ID, factors.Evidence{
		Kind: factors.Ticket, Source: "ticket:" + v.user.ID, At: v.now, // of no class: it counts for nothing but itself
	})
	if err != nil {
		return err
	}
	return s.advance(w, r, tx)
}

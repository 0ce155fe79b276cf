// Package storage holds the few words that every store and every caller of a store share: how a
// store says that a row is missing or that another writer was first, how lists are paged, and the
// trail (audit events and mails) that a change leaves behind in its own transaction.
//
// The stores themselves are its subpackages: sqldb keeps what must survive, redisdb and its twin
// memory keep what lives for minutes, and storagetest holds all of them to one conformance suite.
package storage

import "errors"

var (
	// ErrNotFound says that no live row answers to the key. An expired row is not found.
	ErrNotFound = errors.New("not found")

	// ErrConflict says that a unique key is taken or that a compare-and-set lost: the row is
	// not what the caller last read. Read again and decide again; never retry blindly.
	ErrConflict = errors.New("conflict")
)

// Page asks for a part of a list. Whether a list ascends or descends is said by its method.
type Page struct {
	After string // the key of the last row of the page before; empty for the first page
	Limit int    // 0 means DefaultPage; never more than MaxPage
}

const (
	DefaultPage = 50
	MaxPage     = 200
)

// Rows is how many rows the page may hold.
func (p Page) Rows() int {
	switch {
	case p.Limit <= 0:
		return DefaultPage
	case p.Limit > MaxPage:
		return MaxPage
	}
	return p.Limit
}

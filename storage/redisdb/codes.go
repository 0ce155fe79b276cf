package redisdb

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
)

// SaveCode implements op.Codes. ErrConflict: the code is taken.
func (d *DB) SaveCode(ctx context.Context, code string, a op.Authorization, now time.Time) error {
	sealed, err := codes.seal(d.keys, code, a)
	if err != nil {
		return err
	}
	grant, err := grants.seal(d.keys, code, a.GrantID)
	if err != nil {
		return err
	}
	_, err = d.change(ctx, create, []string{d.place(codeKind, code)},
		now.UnixMilli(), op.CodeLifetime.Milliseconds(),
		"e", now.Add(op.CodeLifetime).UnixMilli(), "d", sealed, "g", grant)
	return err
}

// TakeCode implements op.Codes.
func (d *DB) TakeCode(ctx context.Context, code string, now time.Time) (op.Authorization, error) {
	sealed, err := d.change(ctx, redeem, d.places(codeKind, code),
		now.UnixMilli(), op.CodeMemory.Milliseconds(), now.Add(op.CodeMemory).UnixMilli())
	if errors.Is(err, errUsed) {
		grant, err := grants.open(d.keys, code, sealed)
		if err != nil {
			return op.Authorization{}, err
		}
		return op.Authorization{GrantID: grant}, op.ErrCodeUsed
	}
	if err != nil {
		return op.Authorization{}, err
	}
	return codes.open(d.keys, code, sealed)
}

// SaveRequest implements op.Codes. ErrConflict: the id is taken.
func (d *DB) SaveRequest(ctx context.Context, id string, request []byte, expires time.Time) error {
	sealed, err := requests.seal(d.keys, id, request)
	if err != nil {
		return err
	}
	now := d.now()
	_, err = d.change(ctx, create, []string{d.place(requestKind, id)},
		now.UnixMilli(), lifetime(now, expires), "e", expires.UnixMilli(), "d", sealed)
	return err
}

// Request implements op.Codes.
func (d *DB) Request(ctx context.Context, id string) ([]byte, error) {
	fields, err := d.read(ctx, d.places(requestKind, id), "d", "e")
	if err != nil {
		return nil, err
	}
	expires, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return nil, errors.New("request: what Redis has does not say when it expires")
	}
	if d.now().UnixMilli() >= expires {
		return nil, storage.ErrNotFound
	}
	return requests.open(d.keys, id, []byte(fields[0]))
}

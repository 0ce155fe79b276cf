package redisdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vsee/vseeid/storage"
)

// What a script answers.
const (
	done     = "done"
	gone     = "gone"
	conflict = "conflict"
	used     = "used"
)

// alive is where every script on a record begins: it names the fields and ends when the record is
// gone by the caller's clock, ARGV[1], whether or not Redis still has it.
const alive = `
local f = redis.call('HMGET', KEYS[1], 'e', 'v', 'd', 'g')
local live = f[1] and tonumber(f[1]) > tonumber(ARGV[1])
`

var (
	// create makes the record: ARGV is now, time to live, then fields and values.
	create = newScript(alive + `
if live then return {'conflict'} end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'done'}`)

	// swap replaces a record of one version: ARGV is now, time to live, version, then fields and
	// values.
	swap = newScript(alive + `
if not live then return {'gone'} end
if f[2] ~= ARGV[3] then return {'conflict'} end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'done'}`)

	// take removes a record of one version: ARGV is now, version.
	take = newScript(alive + `
if not live then return {'gone'} end
if f[2] ~= ARGV[2] then return {'conflict'} end
redis.call('DEL', KEYS[1])
return {'done'}`)

	// redeem returns what a code stands for, once, and remembers that it did: ARGV is now, time
	// to live and end of the memory.
	redeem = newScript(alive + `
if not live then return {'gone'} end
if not f[3] then return {'used', f[4]} end
redis.call('HDEL', KEYS[1], 'd')
redis.call('HSET', KEYS[1], 'e', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'done', f[3]}`)
)

// script is a text that Redis runs alone, and the hash by which it knows the text.
type script struct{ text, hash string }

func newScript(text string) script {
	return script{text: text, hash: redis.NewScript(text).Hash()}
}

// once is a command that is sent once. What it changes may be changed although its answer got
// lost, and sent again it would find its own change: a code redeemed twice, a rate counted double.
type once struct{ *redis.Cmd }

func (once) NoRetry() bool { return true }

// run runs a script at each of the places where a record may be, in one round trip, and returns
// the answers. Each run is atomic on its own; that is enough, because a record is in one place.
func (d *DB) run(ctx context.Context, s script, places []string, args ...any) ([]*redis.Cmd, error) {
	cmds := d.send(ctx, "evalsha", s.hash, places, args)
	for i, c := range cmds {
		// A node that does not know the script has not run it.
		if redis.HasErrorPrefix(c.Err(), "NOSCRIPT") {
			cmds[i] = d.send(ctx, "eval", s.text, places[i:i+1], args)[0]
		}
	}
	for _, c := range cmds {
		if err := c.Err(); err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
	}
	return cmds, nil
}

func (d *DB) send(ctx context.Context, command, text string, places []string, args []any) []*redis.Cmd {
	pipe := d.client.Pipeline()
	cmds := make([]*redis.Cmd, len(places))
	for i, p := range places {
		cmds[i] = redis.NewCmd(ctx, append([]any{command, text, 1, p}, args...)...)
		_ = pipe.Process(ctx, once{cmds[i]}) // only queues it
	}
	_, _ = pipe.Exec(ctx) // every command has its own error
	return cmds
}

// change runs a script on a record and returns what it answered beside done. The record is in one
// of the places; an answer but gone comes from there.
func (d *DB) change(ctx context.Context, s script, places []string, args ...any) ([]byte, error) {
	cmds, err := d.run(ctx, s, places, args...)
	if err != nil {
		return nil, err
	}
	var rest []byte
	result := storage.ErrNotFound
	for _, c := range cmds {
		answer, err := c.StringSlice()
		if err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
		if len(answer) == 0 {
			return nil, errors.New("redis: a script answered nothing")
		}
		switch answer[0] {
		case gone:
			continue
		case done:
			result = nil
		case conflict:
			result = storage.ErrConflict
		case used:
			result = errUsed
		default:
			return nil, fmt.Errorf("redis: a script answered %q", answer[0])
		}
		if len(answer) > 1 {
			rest = []byte(answer[1])
		}
	}
	return rest, result
}

// errUsed is redeem's answer to a second use.
var errUsed = errors.New("used")

// read returns fields of the record in whichever of the places it is. A record without the first
// of the fields is not found.
func (d *DB) read(ctx context.Context, places []string, fields ...string) ([]string, error) {
	pipe := d.client.Pipeline()
	cmds := make([]*redis.SliceCmd, len(places))
	for i, p := range places {
		cmds[i] = pipe.HMGet(ctx, p, fields...)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	for _, c := range cmds {
		values := c.Val()
		if len(values) != len(fields) {
			return nil, fmt.Errorf("redis: %d values for %d fields", len(values), len(fields))
		}
		if values[0] == nil {
			continue
		}
		out := make([]string, len(values))
		for i, v := range values {
			s, ok := v.(string)
			if !ok {
				return nil, fmt.Errorf("redis: a record lacks its field %q", fields[i])
			}
			out[i] = s
		}
		return out, nil
	}
	return nil, storage.ErrNotFound
}

// lifetime is the time to live that a record gets, in milliseconds. Redis deletes at once what
// gets none or less.
func lifetime(now, expires time.Time) int64 { return expires.Sub(now).Milliseconds() }

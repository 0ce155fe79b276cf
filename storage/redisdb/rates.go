package redisdb

import (
	"context"
	"fmt"
	"time"

	"github.com/vsee/vseeid/login/limit"
)

// spend is limit.Rate.Spend in the words of Redis: ARGV is now, Per and the whole burst, in
// microseconds, which a script's numbers hold exactly for centuries. It answers the arrival time
// that it decided on, so that the decision can be derived from it.
var spend = newScript(`
local now, per, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local found = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
local tat = math.min(math.max(found, now), now + burst)
local left = tat
if now + burst - tat >= per then left = tat + per end
if left ~= found then
  redis.call('SET', KEYS[1], string.format('%.0f', left), 'PX', math.ceil((left - now) / 1000))
end
return tat`)

// Allow implements limit.Source. While a master key is being rotated, instances that differ in
// their newest one count apart.
func (d *DB) Allow(ctx context.Context, key string, r limit.Rate, now time.Time) (limit.Decision, error) {
	now, r.Per = now.Truncate(time.Microsecond), r.Per.Truncate(time.Microsecond)
	if _, fresh := r.Spend(time.Time{}, now); !fresh.Allowed {
		return fresh, nil // the rate lets nothing through
	}
	answers, err := d.run(ctx, spend, []string{d.place(rateKind, key)},
		now.UnixMicro(), r.Per.Microseconds(), r.Whole().Microseconds())
	if err != nil {
		return limit.Decision{}, err
	}
	tat, err := answers[0].Int64()
	if err != nil {
		return limit.Decision{}, fmt.Errorf("redis: %w", err)
	}
	_, decision := r.Spend(time.UnixMicro(tat), now)
	return decision, nil
}

package password

import "context"

// TakeSlots takes every slot, until each of the returned functions is called.
func TakeSlots(h *Hasher) []func() {
	var out []func()
	for range cap(h.slots) {
		h.slots <- struct{}{}
		out = append(out, func() { <-h.slots })
	}
	return out
}

// Acquire takes one slot as a hash does.
func Acquire(h *Hasher, ctx context.Context) (func(), error) { return h.acquire(ctx) }

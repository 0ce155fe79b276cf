package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestRegularlyBeginsSoon: where instances are replaced more often than every so often, the work is done
// all the same.
func TestRegularlyBeginsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var at []time.Duration
		began := time.Now()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			regularly(ctx, pruneEvery, func() { at = append(at, time.Since(began)) })
		}()
		time.Sleep(3 * pruneEvery)
		stop()
		<-ended
		if len(at) != 3 || at[0] < pruneEvery/20 || at[0] >= pruneEvery/10 || at[2]-at[1] != pruneEvery {
			t.Errorf("done at %v", at)
		}
	})
}

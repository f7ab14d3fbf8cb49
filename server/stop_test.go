package server

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A node whose store has failed stops, though something hangs there.
func TestStopsUnlessHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own := errors.New("the stop's own")
		failed := make(chan struct{})
		after := func(d time.Duration) func() error {
			return func() error { time.Sleep(d); return own }
		}
		if err := unlessHung(after(time.Hour), failed, nil); err != own {
			t.Errorf("without a failure the answer is %v", err)
		}
		time.AfterFunc(time.Minute, func() { close(failed) })
		if err := unlessHung(after(time.Minute+stopLimit/2), nil, failed); err != own {
			t.Errorf("in time the answer is %v", err)
		}
		began := time.Now()
		if err := unlessHung(after(time.Hour), failed, nil); err == nil || err == own || time.Since(began) != stopLimit {
			t.Errorf("where something hangs the answer is %v, after %s", err, time.Since(began))
		}
		time.Sleep(time.Hour)
	})
}

package partitions

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// Snapshots that are shared were begun after each of the calls that they serve, whoever
// of them gives up; each is taken by one at a time, and let go when the last one closes it.
func TestRoundsAreShared(t *testing.T) {
	var (
		r      rounds
		clock  atomic.Int64
		taking atomic.Int32
		mu     sync.Mutex
		begun  = make(map[*sharedParts]int64)
		broken = errors.New("broken")
		served atomic.Int64
		all    sync.WaitGroup
	)
	c := &Client{}
	const callers, calls = 16, 200
	for i := range callers {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(i), 1))
			for range calls {
				ctx, cancel := context.WithCancel(context.Background())
				if rng.IntN(4) == 0 {
					time.AfterFunc(time.Duration(rng.IntN(200))*time.Microsecond, cancel)
				}
				called, fails, lasts := clock.Add(1), rng.IntN(8) == 0, time.Duration(rng.IntN(100))*time.Microsecond
				s, err := r.share(ctx, c, []object.PartitionID{1, 2}, func() (*sharedParts, error) {
					if taking.Add(1) != 1 {
						t.Error("two are taken at a time")
					}
					defer taking.Add(-1)
					parts := &sharedParts{}
					mu.Lock()
					begun[parts] = clock.Add(1)
					mu.Unlock()
					time.Sleep(lasts)
					if fails {
						return nil, broken
					}
					return parts, ctx.Err()
				})
				switch {
				case err == nil:
					served.Add(1)
					mu.Lock()
					if begun[s.sharedParts] < called {
						t.Error("a snapshot is older than the call")
					}
					mu.Unlock()
					if s.users.Load() <= 0 {
						t.Error("a snapshot was let go while it is used")
					}
					s.Close()
					s.Close()
				case errors.Is(err, errAbandoned):
					t.Error("somebody else's end was told")
				case ctx.Err() == nil && !errors.Is(err, broken):
					t.Error(err)
				}
				cancel()
			}
		})
	}
	all.Wait()
	for parts := range begun {
		if n := parts.users.Load(); n != 0 {
			t.Errorf("a snapshot has %d users left", n)
		}
	}
	if len(r.byList) != 0 {
		t.Errorf("%d queues are left", len(r.byList))
	}
	if taken := int64(len(begun)); served.Load() == 0 || taken >= served.Load() {
		t.Errorf("%d were taken to serve %d", taken, served.Load())
	}
}

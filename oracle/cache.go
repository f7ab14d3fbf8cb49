package oracle

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

const (
	defaultCacheBytes   = 64 << 20
	defaultSilence      = 5 * time.Second
	defaultReleaseQueue = 1 << 16
	subscribeRetry      = 50 * time.Millisecond
	subscribeRetryMost  = time.Second

	gatherItems = 1024    // ids of one call
	gatherCalls = 4       // calls of one kind at once
	gatherLimit = 1 << 18 // ids that may wait
)

// CacheConfig configures a node's cache. Zero values mean the defaults.
type CacheConfig struct {
	// Bytes bounds the locations that are kept. Default: 64 MiB, which is some
	// 400,000 objects.
	Bytes int64
	// ReleaseQueue bounds the ids that wait to be released. Default: 65536.
	ReleaseQueue int
	// Silence is how long the stream of updates may say nothing before another
	// replica is asked. Default: 5 s.
	Silence time.Duration
	Logger  *slog.Logger // nil: discarded
}

func (c CacheConfig) withDefaults() CacheConfig {
	if c.Bytes <= 0 {
		c.Bytes = defaultCacheBytes
	}
	if c.ReleaseQueue <= 0 {
		c.ReleaseQueue = defaultReleaseQueue
	}
	if c.Silence <= 0 {
		c.Silence = defaultSilence
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Cache is a node's knowledge of the oracle: what the executor asks. Its methods
// may be called from many goroutines. A wrong cache costs a redirect, never a
// wrong answer.
type Cache struct {
	cfg    CacheConfig
	client *Client

	ctx     context.Context
	stop    context.CancelFunc
	running sync.WaitGroup

	locations *locations
	snapshot  atomic.Pointer[catalog.Snapshot]
	snapshots sync.Mutex // held by who replaces the snapshot
	newer     broadcast  // the snapshot was replaced

	located   gather[object.ID, located]
	confirmed gather[object.ID, located]
	assigned  gather[catalog.Assignment, assigned]
	refreshed gather[struct{}, struct{}]
	releases  releaseQueue
	sequences sequences

	misses    atomic.Int64
	redirects atomic.Int64
	updates   atomic.Int64
	heard     atomic.Int64 // when the stream was last heard, in Unix nanoseconds
}

// located is the oracle's answer for an id: as of a state at least as new as clock.
type located struct {
	location object.Location
	clock    object.LocationVersion
}

// NewCache makes a cache and subscribes to the oracle's updates.
func NewCache(cfg CacheConfig, client *Client) (*Cache, error) {
	if client == nil {
		return nil, errors.New("oracle: a cache needs a client")
	}
	c := &Cache{cfg: cfg.withDefaults(), client: client}
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.locations = newLocations(c.cfg.Bytes)
	st := newState()
	c.snapshot.Store(st.snapshot())
	c.heard.Store(time.Now().UnixNano())
	c.located = gather[object.ID, located]{
		ctx: c.ctx, most: gatherItems, parallel: gatherCalls, limit: gatherLimit,
		call: func(ctx context.Context, ids []object.ID) ([]located, error) { return c.ask(ctx, ids, false) },
	}
	c.confirmed = gather[object.ID, located]{
		ctx: c.ctx, most: gatherItems, parallel: gatherCalls, limit: gatherLimit,
		call: func(ctx context.Context, ids []object.ID) ([]located, error) { return c.ask(ctx, ids, true) },
	}
	c.assigned = gather[catalog.Assignment, assigned]{
		ctx: c.ctx, most: gatherItems, parallel: gatherCalls, limit: gatherLimit, call: c.askAssign,
	}
	c.refreshed = gather[struct{}, struct{}]{
		ctx: c.ctx, most: gatherItems, parallel: 1, limit: gatherLimit, call: c.askCatalog,
	}
	c.releases.init(c)
	c.running.Go(c.subscribe)
	c.running.Go(c.releases.run)
	return c, nil
}

// Close ends what the cache does in the background and waits for it. Calling it
// again is harmless.
func (c *Cache) Close() {
	c.stop()
	c.running.Wait()
	c.located.running.Wait()
	c.confirmed.running.Wait()
	c.assigned.running.Wait()
	c.refreshed.running.Wait()
}

// Lookup returns what the cache knows of an object's location. For an object of a
// static table that is an exception; none means its home, as far as is known. It
// neither blocks nor allocates.
func (c *Cache) Lookup(id object.ID) (catalog.Located, bool) {
	known, ok := c.locations.lookup(id)
	if !ok {
		c.miss(id)
	}
	return known, ok
}

// miss counts an id that the cache does not know. What is at its home by the
// static rule need not be known.
func (c *Cache) miss(id object.ID) {
	if t := c.Catalog().Tables[id.Table()]; t == nil || !t.Placement.Static {
		c.misses.Add(1)
	}
}

// Locate returns where objects live, from the cache or else from the oracle. A
// zero location was linearizable when it was given: the directory has no entry.
func (c *Cache) Locate(ctx context.Context, ids []object.ID) ([]catalog.Located, error) {
	answers := make([]catalog.Located, len(ids))
	var missing []object.ID
	var at []int
	for i, id := range ids {
		known, ok := c.locations.lookup(id)
		if answers[i] = known; !ok {
			c.miss(id)
			missing = append(missing, id)
			at = append(at, i)
		}
	}
	asked, err := c.located.do(ctx, missing)
	if err != nil {
		return nil, err
	}
	for n, a := range asked {
		answers[at[n]] = catalog.Located{Location: a.location}
	}
	return answers, nil
}

// Confirm asks the oracle, whatever the cache knows, and the cache learns the
// answers. The answers are linearizable.
func (c *Cache) Confirm(ctx context.Context, ids []object.ID) ([]catalog.Located, error) {
	asked, err := c.confirmed.do(ctx, ids)
	if err != nil {
		return nil, err
	}
	answers := make([]catalog.Located, len(ids))
	for i, a := range asked {
		answers[i] = catalog.Located{Location: a.location}
	}
	return answers, nil
}

// ask calls the oracle and learns what it says.
func (c *Cache) ask(ctx context.Context, ids []object.ID, confirm bool) ([]located, error) {
	m := locateRequest{confirm: confirm, ids: ids}
	b, err := c.client.call(ctx, methodLocate, m.append(nil))
	if err != nil {
		return nil, err
	}
	a, err := decodeLocateAnswer(b)
	if err != nil {
		return nil, err
	}
	if len(a.locations) != len(ids) {
		return nil, errMalformed
	}
	answers := make([]located, len(ids))
	for i, l := range a.locations {
		answers[i] = located{location: l, clock: object.LocationVersion(a.clock)}
		if l.IsZero() {
			c.locations.forget(ids[i], object.LocationVersion(a.clock))
		} else {
			c.locations.learn(ids[i], l, false, anybody)
		}
	}
	return answers, nil
}

// Assign gives ids that have no location one. The answers are the locations that
// stand: of ids that had one before, that one. It fails with 40001 where a table
// is being changed, or does not exist, or a partition must not get objects of it any more
// (catalog.Rules): none that is barred was given a location then.
func (c *Cache) Assign(ctx context.Context, assignments []catalog.Assignment) ([]object.Location, error) {
	snap := c.Catalog()
	for i := range assignments {
		if p := assignments[i].Partition; p == 0 || snap.Partition(p) == nil {
			return nil, errNoPartition(p)
		}
	}
	asked, err := c.assigned.do(ctx, assignments)
	if err != nil {
		return nil, err
	}
	locations := make([]object.Location, len(asked))
	for i, a := range asked {
		if a.barred {
			return nil, pgerror.New(pgerror.SerializationFailure, "partition %d does not accept objects of the table any more", assignments[i].Partition)
		}
		if a.location.Partition == 0 {
			return nil, pgerror.New(pgerror.SerializationFailure, "the table of an object is being changed, or was dropped")
		}
		locations[i] = a.location
	}
	return locations, nil
}

// Assigned says that ids were given locations of one version, as they were asked for. Those
// of a large statement do not drive out what is in use.
func (c *Cache) Assigned(assignments []catalog.Assignment, version object.LocationVersion) {
	who := anybody
	if len(assignments) > largeStatement {
		who = withRoom
	}
	for i := range assignments {
		a := &assignments[i]
		c.locations.learn(a.ID, object.Location{Partition: a.Partition, Version: version}, false, who)
	}
}

// largeStatement is the number of objects from which it is a load.
const largeStatement = 32

func (c *Cache) askAssign(ctx context.Context, items []catalog.Assignment) ([]assigned, error) {
	b, err := c.client.call(ctx, methodAssign, appendAssignRequest(nil, items))
	if err != nil {
		return nil, err
	}
	answers, err := decodeAssigned(b)
	if err != nil {
		return nil, err
	}
	if len(answers) != len(items) {
		return nil, errMalformed
	}
	for i, a := range answers {
		if a.location.Version != 0 {
			c.locations.learn(items[i].ID, a.location, false, anybody)
		}
	}
	return answers, nil
}

// Learn takes what a partition said of objects that it does not own. The objects
// may be on their way still.
func (c *Cache) Learn(redirects []command.Redirect) {
	c.redirects.Add(int64(len(redirects)))
	for _, r := range redirects {
		if r.Location.Version != 0 {
			c.locations.learn(r.ID, r.Location, true, anybody)
		}
	}
}

// takeUpdates takes what the oracle's stream said. An object of a static table
// that was moved is an exception that is worth knowing; of others only what is in
// the cache already is kept up to date.
func (c *Cache) takeUpdates(updates []Update) {
	c.updates.Add(int64(len(updates)))
	snap := c.Catalog()
	for _, u := range updates {
		t := snap.Tables[u.ID.Table()]
		switch {
		case u.Gone:
			c.locations.forget(u.ID, u.Location.Version)
		case u.Kept:
			// Who deletes the object has to know that there is an entry to be released.
			c.locations.learn(u.ID, u.Location, false, anybody)
		case t != nil && t.Placement.Static && snap.Home(t, u.ID).Partition == u.Location.Partition:
			// Home again: a location with a version is right too, and older redirects
			// cannot undo it.
			c.locations.learn(u.ID, u.Location, false, nobody)
		default:
			who := nobody
			if t != nil && t.Placement.Static {
				who = anybody
			}
			c.locations.learn(u.ID, u.Location, false, who)
		}
	}
}

// CacheStats counts what the cache did.
func (c *Cache) CacheStats() catalog.CacheStats {
	stats := catalog.CacheStats{Misses: c.misses.Load(), Redirects: c.redirects.Load(), Updates: c.updates.Load()}
	c.locations.stats(&stats)
	stats.Lag = max(0, time.Since(time.Unix(0, c.heard.Load())))
	return stats
}

// Moves returns the moves that the oracle remembers, oldest first.
func (c *Cache) Moves(ctx context.Context) ([]catalog.Move, error) { return c.client.Moves(ctx) }

// History returns the places that an object has had, oldest first: the newest, and at most
// 16 before it. There are none where the directory has no entry; of an entry of before
// places were kept there is one, without a time. Linearizable.
func (c *Cache) History(ctx context.Context, id object.ID) ([]catalog.Placed, error) {
	b, err := c.client.call(ctx, methodHistory, []byte(id))
	if err != nil {
		return nil, err
	}
	return decodePast(b)
}

// subscribe keeps a stream of updates open.
func (c *Cache) subscribe() {
	delay := subscribeRetry
	for c.ctx.Err() == nil {
		began := time.Now()
		dial, cancel := context.WithTimeout(c.ctx, attemptFor)
		conn, err := c.client.subscribe(dial)
		if err == nil {
			err = c.receive(c.ctx, conn, c.cfg.Silence)
		}
		cancel()
		if c.ctx.Err() != nil {
			return
		}
		if !errors.Is(err, errNotLeader) && c.client.Leader() != "" && time.Since(began) > c.cfg.Silence {
			c.cfg.Logger.Debug("the stream of the oracle's updates has broken", "error", err)
		}
		if time.Since(began) > subscribeRetryMost {
			delay = subscribeRetry
		}
		select {
		case <-time.After(delay):
		case <-c.ctx.Done():
			return
		}
		delay = min(2*delay, subscribeRetryMost)
	}
}

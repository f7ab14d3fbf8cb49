package oracle

import (
	"context"
	"encoding/binary"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Catalog returns the newest snapshot of the catalog that the node has. It never
// blocks and is never nil.
func (c *Cache) Catalog() *catalog.Snapshot { return c.snapshot.Load() }

// Changed returns a channel that is closed when the next snapshot comes: for who
// waits until a change of a table is public.
func (c *Cache) Changed() <-chan struct{} { return c.newer.wait() }

// Refresh returns when Catalog is at least as new as the oracle's catalog was when
// Refresh was called.
func (c *Cache) Refresh(ctx context.Context) error {
	_, err := c.refreshed.do(ctx, make([]struct{}, 1))
	return err
}

func (c *Cache) askCatalog(ctx context.Context, items []struct{}) ([]struct{}, error) {
	b, err := c.client.call(ctx, methodCatalog, binary.AppendUvarint(nil, c.Catalog().Version))
	if err != nil {
		return nil, err
	}
	if len(b) > 0 {
		err = c.takeCatalog(b)
	}
	return items, err
}

// takeCatalog makes a newer snapshot of a delta. One that is not newer, or that
// does not begin where this node is, is ignored: a full one comes with the next
// subscription.
func (c *Cache) takeCatalog(b []byte) error {
	d, err := decodeDelta(b)
	if err != nil {
		return err
	}
	c.snapshots.Lock()
	defer c.snapshots.Unlock()
	old := c.snapshot.Load()
	if d.Version <= old.Version {
		return nil
	}
	if !d.Full && d.Base != old.Version {
		return errGap
	}
	next, err := d.apply(old)
	if err != nil {
		return err
	}
	c.snapshot.Store(next)
	c.newer.wake()
	return nil
}

// CreateTable makes a table and returns its descriptor when all partitions have
// it. created is false where it existed and spec excuses that.
func (c *Cache) CreateTable(ctx context.Context, spec catalog.TableSpec) (t *catalog.Table, created bool, err error) {
	reply, err := c.change(ctx, &schemaRequest{Create: &spec})
	if err != nil {
		return nil, false, err
	}
	if t = c.Catalog().Tables[reply.Table]; t == nil {
		return nil, false, pgerror.New(pgerror.SerializationFailure, "table \"%s\" was dropped by another statement", spec.Table.Name)
	}
	return t, reply.Created, nil
}

// AlterTable replaces a table's descriptor.
func (c *Cache) AlterTable(ctx context.Context, change catalog.Change) (*catalog.Table, error) {
	reply, err := c.change(ctx, &schemaRequest{Alter: &change})
	if err != nil {
		return nil, err
	}
	if t := c.Catalog().Tables[reply.Table]; t != nil {
		return t, nil
	}
	return change.Table, nil // dropped meanwhile: the change had its moment
}

// DropTables removes tables, all or none.
func (c *Cache) DropTables(ctx context.Context, drop catalog.Drop) error {
	_, err := c.change(ctx, &schemaRequest{Drop: &drop})
	return err
}

// TruncateTables empties tables, all or none.
func (c *Cache) TruncateTables(ctx context.Context, truncate catalog.Truncate) error {
	_, err := c.change(ctx, &schemaRequest{Truncate: &truncate})
	return err
}

// ChangePolicy makes, replaces or drops a policy that is a program.
func (c *Cache) ChangePolicy(ctx context.Context, change catalog.PolicyChange) error {
	_, err := c.change(ctx, &schemaRequest{Policy: &change})
	return err
}

// ChangePartition replaces the limits of a partition.
func (c *Cache) ChangePartition(ctx context.Context, change catalog.PartitionChange) error {
	_, err := c.change(ctx, &schemaRequest{Partition: &change})
	return err
}

// change has a schema change made, and this node's catalog show it; also a change
// that failed has left its traces there.
func (c *Cache) change(ctx context.Context, m *schemaRequest) (*schemaReply, error) {
	reply, err := c.client.schema(ctx, m)
	if err != nil {
		_ = c.Refresh(ctx)
		return nil, err
	}
	if err := c.Refresh(ctx); err != nil {
		return nil, unknownOutcome(err, "schema change")
	}
	return reply, nil
}

// Move has objects moved and returns when all are that can be.
func (c *Cache) Move(ctx context.Context, request catalog.MoveRequest) ([]catalog.MoveResult, error) {
	if c.Catalog().Partition(request.To) == nil {
		return nil, errNoPartition(request.To)
	}
	if len(request.IDs) > maxRequestObjects {
		return nil, pgerror.New(pgerror.ProgramLimitExceeded, "a request moves at most %d objects, not %d", maxRequestObjects, len(request.IDs))
	}
	for what, n := range map[string]int{"reasons": len(request.Reasons), "sizes": len(request.Bytes)} {
		if n != 0 && n != len(request.IDs) {
			return nil, pgerror.New(pgerror.InternalError, "a request moves %d objects with %d %s", len(request.IDs), n, what)
		}
	}
	results, err := c.client.move(ctx, request)
	for i, r := range results {
		if r == catalog.Moved {
			c.noteMoved(request.IDs[i], request.To)
		}
	}
	return results, err
}

// noteMoved marks an object as arrived, if the cache knows of its move.
func (c *Cache) noteMoved(id object.ID, to object.PartitionID) {
	if known, ok := c.locations.lookup(id); ok && known.Arriving && known.Partition == to {
		c.locations.learn(id, known.Location, false, nobody)
	}
}

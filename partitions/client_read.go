package partitions

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
)

// Read begins a read. The chunk's Cursor, if it is not zero, continues it; it must
// be read to its end or closed.
func (c *Client) Read(ctx context.Context, p object.PartitionID, q *command.Read) (*command.Chunk, error) {
	l := c.lane(p)
	if c.service != nil {
		// The usual way where this node has a replica: no encoding, no other goroutine.
		leads := l.hint() == c.node
		chunk, err := c.service.read(ctx, c.node, p, q, !leads)
		if err == nil {
			return chunk, nil
		}
		if leads && q.MaxStaleness == 0 && ctx.Err() == nil {
			l.learn("")
		}
	}
	return c.readAnywhere(ctx, p, q, l)
}

// readAnywhere asks node after node.
func (c *Client) readAnywhere(ctx context.Context, p object.PartitionID, q *command.Read, l *lane) (*command.Chunk, error) {
	r := route{c: c, p: p, l: l, harmless: true}
	var request []byte
	return reach(ctx, &r, func(node object.NodeID) (chunk *command.Chunk, err error) {
		defer func() {
			if errors.Is(err, replication.ErrStale) { // what is newest will do as well
				strong := *q
				strong.MaxStaleness, request = 0, nil
				q = &strong
			}
		}()
		if r.here(node) {
			return c.service.read(ctx, node, p, q, false)
		}
		if request == nil {
			request = command.AppendRead(binary.AppendUvarint(make([]byte, 0, 256), uint64(p)), q)
		}
		answer, err := c.call(ctx, node, methodRead, request)
		if err != nil {
			return nil, err
		}
		return command.DecodeChunk(answer)
	})
}

// harmless says of an unanswered read that it had no effect.
func harmless(err error) error {
	var u *Unanswered
	if errors.As(err, &u) {
		u.Unknown = false
	}
	return err
}

// Next continues a read. Where the cursor is lost the error is 40001.
func (c *Client) Next(ctx context.Context, p object.PartitionID, cursor command.Cursor) (*command.Chunk, error) {
	if cursor.Node == c.node && c.service != nil {
		return c.service.next(ctx, p, cursor)
	}
	answer, err := c.call(ctx, cursor.Node, methodNext, cursorRequest(p, cursor))
	if err != nil {
		return nil, lost(ctx, err)
	}
	return command.DecodeChunk(answer)
}

// lost makes the failure of a call to a node that holds a cursor the loss of the
// cursor: a chunk may have been taken from it.
func lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return errors.Join(errCursorLost(), err)
}

func cursorRequest(p object.PartitionID, cursor command.Cursor) []byte {
	return command.AppendCursor(binary.AppendUvarint(nil, uint64(p)), cursor)
}

// CloseCursor ends a read early. It does not wait.
func (c *Client) CloseCursor(p object.PartitionID, cursor command.Cursor) {
	switch {
	case cursor.IsZero():
		return
	case cursor.Node == c.node && c.service != nil:
		c.service.cursors.end(cursor)
		return
	}
	c.callLater(cursor.Node, methodClose, cursorRequest(p, cursor))
}

// callLater calls a node without waiting for the answer. Where too many such calls are
// under way it does nothing.
func (c *Client) callLater(node object.NodeID, method uint16, request []byte) {
	select {
	case c.closers <- struct{}{}:
	default:
		return // its idle time ends what it is to end
	}
	if !c.startBackground(func() {
		defer func() { <-c.closers }()
		ctx, cancel := context.WithTimeout(c.closingContext, closeTimeout)
		defer cancel()
		_, _ = c.call(ctx, node, method, request)
	}) {
		<-c.closers
	}
}

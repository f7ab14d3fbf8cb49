package oracle

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// Frames of a stream of updates: four bytes of length, one of kind, the payload.
// On the wire: append only.
const (
	frameHello     byte = iota + 1 // to the leader: the version of the catalog that the subscriber has
	frameUpdates                   // new locations
	frameCatalog                   // a delta
	frameHeartbeat                 // the clock
	frameNotLeader                 // the end; the leader's name
)

// Flags of an update. On the wire: append only.
const (
	updateGone byte = 1 << iota
	updateKept
)

const (
	maxStreamFrame   = 32 << 20
	updatesPerFrame  = 1024
	streamWriteLimit = 10 * time.Second // a subscriber that takes nothing for so long is dropped
)

func writeStreamFrame(conn net.Conn, kind byte, payload []byte) error {
	b := make([]byte, 5, 5+len(payload))
	binary.BigEndian.PutUint32(b, uint32(1+len(payload)))
	b[4] = kind
	_ = conn.SetWriteDeadline(time.Now().Add(streamWriteLimit))
	_, err := conn.Write(append(b, payload...))
	return err
}

func readStreamFrame(r *bufio.Reader) (kind byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 1 || n > maxStreamFrame {
		return 0, nil, fmt.Errorf("%w: a frame of %d bytes", errMalformed, n)
	}
	payload = make([]byte, n-1)
	_, err = io.ReadFull(r, payload)
	return head[4], payload, err
}

func appendUpdates(dst []byte, updates []Update) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(updates)))
	for _, u := range updates {
		dst = appendLocation(appendString(dst, u.ID), u.Location)
		var flags byte
		if u.Gone {
			flags |= updateGone
		}
		if u.Kept {
			flags |= updateKept
		}
		dst = append(dst, flags)
	}
	return dst
}

func decodeUpdates(b []byte) ([]Update, error) {
	d := decoder{b: b}
	updates := make([]Update, d.count())
	for i := range updates {
		updates[i] = Update{ID: d.id(), Location: d.location()}
		flags := d.byte()
		updates[i].Gone, updates[i].Kept = flags&updateGone != 0, flags&updateKept != 0
	}
	return updates, d.end()
}

// subscription is what one subscriber has been told.
type subscription struct {
	position uint64            // of the feed
	has      *catalog.Snapshot // nil: nothing
}

// serveUpdates streams updates to a subscriber as long as this replica leads. A
// subscriber that is slow misses updates, never the catalog.
func (s *Service) serveUpdates(ctx context.Context, from object.NodeID, conn net.Conn) {
	defer conn.Close()
	if !s.enter() {
		return
	}
	defer s.running.Done()
	stop := context.AfterFunc(s.ctx, func() { _ = conn.Close() })
	defer stop()
	sub := &subscription{}
	_ = conn.SetReadDeadline(time.Now().Add(streamWriteLimit))
	kind, payload, err := readStreamFrame(bufio.NewReaderSize(conn, 64))
	if err != nil || kind != frameHello || len(payload) != 8 {
		return
	}
	if snap := s.machine.Snapshot(); snap.Version == binary.BigEndian.Uint64(payload) {
		sub.has = snap
	}
	sub.position = s.machine.feed.position()
	heartbeat := time.NewTicker(s.cfg.Heartbeat)
	defer heartbeat.Stop()
	for {
		if role := s.group.Role(); !role.Leading {
			_ = writeStreamFrame(conn, frameNotLeader, []byte(role.Leader))
			return
		}
		news := s.machine.feed.news.wait()
		if err := s.tell(conn, sub); err != nil {
			return
		}
		select {
		case <-news:
		case <-heartbeat.C:
			if err := writeStreamFrame(conn, frameHeartbeat, binary.AppendUvarint(nil, s.machine.clock.Load())); err != nil {
				return
			}
		case <-ctx.Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}

// tell writes what the subscriber has not been told yet. The catalog comes first:
// an update may be of a table that is new.
func (s *Service) tell(conn net.Conn, sub *subscription) error {
	if snap := s.machine.Snapshot(); sub.has != snap {
		if sub.has == nil || sub.has.Version != snap.Version {
			text, err := json.Marshal(difference(sub.has, snap))
			if err != nil {
				return err
			}
			if err := writeStreamFrame(conn, frameCatalog, text); err != nil {
				return err
			}
		}
		sub.has = snap
	}
	for {
		updates, next, missed := s.machine.feed.since(sub.position, updatesPerFrame, nil)
		if missed {
			s.logger.Debug("a subscriber of location updates is slow and has missed some")
		}
		sub.position = next
		if len(updates) == 0 {
			return nil
		}
		if err := writeStreamFrame(conn, frameUpdates, appendUpdates(nil, updates)); err != nil {
			return err
		}
	}
}

// errNotLeader ends a subscription to a replica that does not lead.
var errNotLeader = errors.New("oracle: the replica does not lead")

// errGap ends a subscription whose difference does not begin at this node's
// catalog; the next one begins anew.
var errGap = errors.New("oracle: a change of the catalog was missed")

// receive reads a stream of updates until it breaks. silence bounds the time
// between two frames.
func (c *Cache) receive(ctx context.Context, conn net.Conn, silence time.Duration) error {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	hello := binary.BigEndian.AppendUint64(nil, c.Catalog().Version)
	if err := writeStreamFrame(conn, frameHello, hello); err != nil {
		return err
	}
	r := bufio.NewReaderSize(conn, 64<<10)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(silence))
		kind, payload, err := readStreamFrame(r)
		if err != nil {
			return err
		}
		c.heard.Store(time.Now().UnixNano())
		switch kind {
		case frameUpdates:
			updates, err := decodeUpdates(payload)
			if err != nil {
				return err
			}
			c.takeUpdates(updates)
		case frameCatalog:
			if err := c.takeCatalog(payload); err != nil {
				return err
			}
		case frameNotLeader:
			c.client.follow(object.NodeID(payload))
			return errNotLeader
		}
	}
}

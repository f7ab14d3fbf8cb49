package replication

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"time"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// The stream by which a replica gets the whole state of another. It asks with 4
// bytes of group and 8 bytes of index, which the state has to contain at least.
// The answer is a sequence of frames: 4 bytes of length of the body, 4 bytes of
// CRC-32C of the body, 1 byte of kind, and the body. First comes frameState
// (applied index, applied term), then frameKeys (for each key: 4 bytes of length,
// key, 4 bytes of length, value), then frameEnd (number of keys), or frameRefused
// with a text.
const (
	frameState   byte = 1
	frameKeys    byte = 2
	frameEnd     byte = 3
	frameRefused byte = 4

	frameHead      = 4 + 4 + 1
	frameKeysBytes = 256 << 10 // a frame of keys is sent when it is so large
	frameMaxBytes  = 80 << 20

	// streamTimeout bounds the wait for the next frame, and for room to send one.
	streamTimeout = 30 * time.Second
	// maxStreams bounds the states that a node sends at the same time.
	maxStreams = 2
)

// fetchState receives the state that a token means. It returns the index that it
// contains.
func fetchState(g *Group, t token, into *storage.Replacement) (uint64, error) {
	conn, err := g.host.cfg.Network.DialStream(g.ctx, t.node, streamState)
	if err != nil {
		return 0, err
	}
	stop := context.AfterFunc(g.ctx, func() { _ = conn.Close() })
	defer stop()
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(streamTimeout))
	if _, err := conn.Write(appendU64(startMessage(g.id, 8), t.index)); err != nil {
		return 0, err
	}
	g.log.Info("fetching the state", "from", t.node, "index", t.index)
	started := time.Now()
	index, keys, err := receiveState(conn, t.index, into)
	if err == nil {
		g.log.Info("state is fetched", "from", t.node, "index", index, "keys", keys, "took", time.Since(started))
	}
	return index, err
}

func receiveState(conn net.Conn, atLeast uint64, into *storage.Replacement) (index, keys uint64, err error) {
	r := bufio.NewReaderSize(conn, 256<<10)
	var body []byte
	for first := true; ; first = false {
		_ = conn.SetDeadline(time.Now().Add(streamTimeout))
		var kind byte
		if kind, body, err = readStreamFrame(r, body); err != nil {
			return 0, 0, err
		}
		switch {
		case kind == frameRefused:
			return 0, 0, fmt.Errorf("refused: %s", body)
		case first != (kind == frameState):
			return 0, 0, errMessage
		case kind == frameState:
			m := reader{b: body}
			index = m.u64()
			term := m.u64()
			if err := m.done(); err != nil {
				return 0, 0, err
			}
			if index < atLeast {
				return 0, 0, fmt.Errorf("state is of index %d, %d is needed", index, atLeast)
			}
			into.SetMeta(keyApplied, appendU64(nil, index, term))
		case kind == frameKeys:
			m := reader{b: body}
			for !m.bad && len(m.b) > 0 {
				key, value := m.bytes(), m.bytes()
				if m.bad {
					return 0, 0, errMessage
				}
				if err := into.Add(key, value); err != nil {
					return 0, 0, err
				}
				keys++
			}
		case kind == frameEnd:
			m := reader{b: body}
			if sent := m.u64(); m.done() != nil || sent != keys {
				return 0, 0, fmt.Errorf("state has %d keys, %d arrived", sent, keys)
			}
			return index, keys, nil
		default:
			return 0, 0, errMessage
		}
	}
}

// readStreamFrame reads a frame into buf, if that is large enough.
func readStreamFrame(r io.Reader, buf []byte) (kind byte, body []byte, err error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, buf, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > frameMaxBytes {
		return 0, buf, fmt.Errorf("%w: frame of %d bytes", errMessage, n)
	}
	if cap(buf) < int(n) {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err := io.ReadFull(r, buf); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, buf, err
	}
	if crc32.Checksum(buf, castagnoli) != binary.BigEndian.Uint32(head[4:]) {
		return 0, buf, fmt.Errorf("%w: checksum of a frame is wrong", errMessage)
	}
	return head[8], buf, nil
}

// streamWriter writes frames with a deadline for each.
type streamWriter struct {
	conn net.Conn
	head [frameHead]byte
}

func (w *streamWriter) write(kind byte, body []byte) error {
	_ = w.conn.SetDeadline(time.Now().Add(streamTimeout))
	binary.BigEndian.PutUint32(w.head[:], uint32(len(body)))
	binary.BigEndian.PutUint32(w.head[4:], crc32.Checksum(body, castagnoli))
	w.head[8] = kind
	if _, err := w.conn.Write(w.head[:]); err != nil {
		return err
	}
	_, err := w.conn.Write(body)
	return err
}

// serveState answers a request for the state of a group.
func (h *Host) serveState(ctx context.Context, from object.NodeID, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(h.ctx, func() { _ = conn.Close() })
	defer stop()
	if !h.enter() {
		return
	}
	defer h.running.Done()
	w := &streamWriter{conn: conn}
	if err := h.sendState(ctx, conn, w, from); err != nil {
		h.log.Warn("state could not be sent", "to", from, "error", err)
		_ = w.write(frameRefused, []byte(err.Error()))
	}
}

func (h *Host) sendState(ctx context.Context, conn net.Conn, w *streamWriter, from object.NodeID) error {
	_ = conn.SetDeadline(time.Now().Add(streamTimeout))
	var ask [12]byte
	if _, err := io.ReadFull(conn, ask[:]); err != nil {
		return err
	}
	select {
	case h.streams <- struct{}{}:
		defer func() { <-h.streams }()
	default:
		return errors.New("this node sends other states at the moment")
	}
	id, index := object.GroupID(binary.BigEndian.Uint32(ask[:])), binary.BigEndian.Uint64(ask[4:])
	g := h.Group(id)
	if g == nil {
		return fmt.Errorf("group %d is not on this node", id)
	}
	waiting, cancel := context.WithTimeout(ctx, streamTimeout/2)
	defer cancel()
	if err := g.WaitApplied(waiting, index); err != nil {
		return fmt.Errorf("wait for index %d: %w", index, err)
	}
	snap, err := g.space.Snapshot()
	if err != nil {
		return err
	}
	defer snap.Close()
	g.log.Info("sending the state", "to", from)
	return sendSnapshot(w, snap)
}

func sendSnapshot(w *streamWriter, snap *storage.Snapshot) error {
	index, term, err := readApplied(snap)
	if err != nil {
		return err
	}
	if err := w.write(frameState, appendU64(nil, index, term)); err != nil {
		return err
	}
	it, err := snap.NewIterator(nil, nil)
	if err != nil {
		return err
	}
	defer it.Close()
	keys := uint64(0)
	body := make([]byte, 0, frameKeysBytes+4096)
	for ok := it.First(); ok; ok = it.Next() {
		body = appendBytes(body, it.Key())
		body = appendBytes(body, it.Value())
		if it.Err() != nil {
			break
		}
		keys++
		if len(body) >= frameKeysBytes {
			if err := w.write(frameKeys, body); err != nil {
				return err
			}
			body = body[:0]
		}
	}
	if err := it.Err(); err != nil {
		return err
	}
	if len(body) > 0 {
		if err := w.write(frameKeys, body); err != nil {
			return err
		}
	}
	return w.write(frameEnd, appendU64(nil, keys))
}

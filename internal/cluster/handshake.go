package cluster

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// The handshake: the dialing side sends magic, version and four strings (each
// with one byte of length): cluster, own node, the node it means to reach, and
// the purpose. The other side answers with one string: empty for yes, else the
// reason of its refusal.
const (
	handshakeMagic   = "SSMR"
	handshakeVersion = 1
	handshakeTimeout = 5 * time.Second

	purposeCalls = "calls"
)

type hello struct {
	cluster string
	from    object.NodeID
	to      object.NodeID
	purpose string
}

func (h hello) write(w io.Writer) error {
	b := append([]byte(handshakeMagic), handshakeVersion)
	for _, s := range []string{h.cluster, string(h.from), string(h.to), h.purpose} {
		if len(s) > 255 {
			return fmt.Errorf("handshake: %q is longer than 255 bytes", s)
		}
		b = append(b, byte(len(s)))
		b = append(b, s...)
	}
	_, err := w.Write(b)
	return err
}

func readHello(r io.Reader) (hello, error) {
	var h hello
	var head [len(handshakeMagic) + 1]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return h, err
	}
	if string(head[:len(handshakeMagic)]) != handshakeMagic {
		return h, errors.New("not a connection of an ssmr node")
	}
	if v := head[len(handshakeMagic)]; v != handshakeVersion {
		return h, fmt.Errorf("peer speaks version %d of the cluster protocol, this node speaks %d", v, handshakeVersion)
	}
	var fields [4]string
	for i := range fields {
		s, err := readShort(r)
		if err != nil {
			return h, err
		}
		fields[i] = s
	}
	h = hello{cluster: fields[0], from: object.NodeID(fields[1]), to: object.NodeID(fields[2]), purpose: fields[3]}
	return h, nil
}

func readShort(r io.Reader) (string, error) {
	var n [1]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return "", err
	}
	b := make([]byte, n[0])
	_, err := io.ReadFull(r, b)
	return string(b), err
}

func writeShort(w io.Writer, s string) error {
	if len(s) > 255 {
		s = s[:255]
	}
	_, err := w.Write(append([]byte{byte(len(s))}, s...))
	return err
}

// greet does the dialing side's part on a new connection.
func greet(conn net.Conn, h hello) error {
	_ = conn.SetDeadline(time.Now().Add(handshakeTimeout))
	defer conn.SetDeadline(time.Time{})
	if err := h.write(conn); err != nil {
		return err
	}
	refusal, err := readShort(conn)
	if err != nil {
		return err
	}
	if refusal != "" {
		return fmt.Errorf("refused by %s: %s", h.to, refusal)
	}
	return nil
}

// A frame is 4 bytes of length (of what follows), 1 byte of type, 8 bytes of
// call id, and a body.
const (
	frameHeader   = 4 + 1 + 8
	maxFrameBytes = 64 << 20

	frameRequest  byte = 1 // body: method (2), timeout in microseconds or 0 (8), request
	frameResponse byte = 2 // body: answer
	frameError    byte = 3 // body: appendError
	frameCancel   byte = 4 // no body
)

func appendFrame(dst []byte, kind byte, id uint64, parts ...[]byte) []byte {
	n := 1 + 8
	for _, p := range parts {
		n += len(p)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	dst = append(dst, kind)
	dst = binary.BigEndian.AppendUint64(dst, id)
	for _, p := range parts {
		dst = append(dst, p...)
	}
	return dst
}

// readFrame reads one frame; the body is freshly allocated.
func readFrame(r *bufio.Reader) (kind byte, id uint64, body []byte, err error) {
	var head [frameHeader]byte
	if _, err = io.ReadFull(r, head[:]); err != nil {
		return 0, 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[:4])
	if n < 1+8 || n > maxFrameBytes {
		return 0, 0, nil, fmt.Errorf("frame of %d bytes", n)
	}
	body = make([]byte, n-(1+8))
	if _, err = io.ReadFull(r, body); err != nil {
		return 0, 0, nil, err
	}
	return head[4], binary.BigEndian.Uint64(head[5:]), body, nil
}

package pgwire

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// messages turns fuzz input into frames: legal messages in any order where a byte
// names one, framed rubbish elsewhere. It returns how many ReadyForQuery must come.
func messages(input []byte) (wire []byte, ready int) {
	frame := func(kind byte, body string) {
		wire = append(wire, kind)
		wire = binary.BigEndian.AppendUint32(wire, uint32(len(body)+4))
		wire = append(wire, body...)
	}
	skipping := false
	for len(input) > 0 {
		choice := input[0]
		input = input[1:]
		switch choice % 16 {
		case 0:
			frame('S', "")
			ready++
			skipping = false
		case 1, 2:
			texts := []string{"rows 3", "insert; fail; insert", "", "nonsense", "internal"}
			frame('Q', texts[int(choice/16)%len(texts)]+"\x00")
			if !skipping {
				ready++
			}
		case 3, 4:
			texts := []string{"rows 3", "echo", "bad", ""}
			frame('P', "\x00"+texts[int(choice/16)%len(texts)]+"\x00\x00\x00")
			skipping = skipping || texts[int(choice/16)%len(texts)] == "bad"
		default:
			// Any type but those that end the connection or are counted above; any body.
			kinds := "BBDECHdcfP"
			kind := kinds[int(choice/16)%len(kinds)]
			n := min(len(input), int(choice%7))
			frame(kind, string(input[:n]))
			input = input[n:]
			frame('S', "") // whatever it did, the place is known again
			ready++
			skipping = false
		}
	}
	return wire, ready
}

// FuzzStateMachine drives the protocol with framed rubbish and with legal messages
// in illegal order: it never loses its place, so that there is exactly one
// ReadyForQuery for each message that asks for one.
func FuzzStateMachine(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 0x13, 5, 0, 0x23, 1, 0})
	f.Add([]byte("any bytes at all"))
	f.Add(bytes.Repeat([]byte{0x15, 0xff, 0xff, 0xff}, 20))
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 4096 {
			return
		}
		wire, want := messages(input)
		startup := "\x00\x00\x00\x11\x00\x03\x00\x00user\x00me\x00\x00"
		conn := &memoryConn{Reader: bytes.NewReader(append([]byte(startup), wire...))}
		srv, err := New(Config{}, &scripted{})
		if err != nil {
			t.Fatal(err)
		}
		srv.starting++
		srv.serve(conn)
		got := -1 // the one after start-up
		for out := conn.Bytes(); len(out) > 0; {
			if len(out) < 5 {
				t.Fatalf("%d bytes are left over", len(out))
			}
			n := int(binary.BigEndian.Uint32(out[1:5]))
			if n < 4 || n+1 > len(out) {
				t.Fatalf("frame of %d bytes in %d", n, len(out))
			}
			if out[0] == 'Z' {
				got++
			}
			out = out[n+1:]
		}
		if got != want {
			t.Fatalf("%d ReadyForQuery, want %d", got, want)
		}
	})
}

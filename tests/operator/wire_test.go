package operator

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/ssmr/ssmr/tests/harness"
)

// wire is a client that writes what it likes.
type wire struct {
	t    *testing.T
	conn net.Conn
	in   *pgproto3.Frontend
}

func dial(t *testing.T, n *harness.Node) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", n.SQL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &wire{t: t, conn: conn, in: pgproto3.NewFrontend(conn, conn)}
}

func session(t *testing.T, n *harness.Node) *wire {
	t.Helper()
	w := dial(t, n)
	w.send(startup("user", "mallory", "database", "x"))
	if state := w.answer(); state != "" {
		t.Fatalf("SQLSTATE %s at the start", state)
	}
	return w
}

func (w *wire) send(messages ...[]byte) {
	// A server that has seen enough may close while this is being written.
	_, _ = w.conn.Write(bytes.Join(messages, nil))
}

// answer reads until the server is ready, or has closed the connection. It returns
// the first SQLSTATE, "" for none, or "closed" for an end without an error.
func (w *wire) answer() string {
	w.t.Helper()
	state := ""
	for {
		m, err := w.in.Receive()
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				w.t.Fatal("no answer, and the connection is open")
			}
			if state == "" {
				return "closed"
			}
			return state
		}
		switch m := m.(type) {
		case *pgproto3.ErrorResponse:
			if state == "" {
				state = m.Code
			}
		case *pgproto3.ReadyForQuery:
			return state
		}
	}
}

func startup(parameters ...string) []byte {
	body := binary.BigEndian.AppendUint32(nil, 196608)
	for _, p := range parameters {
		body = append(append(body, p...), 0)
	}
	body = append(body, 0)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)
}

func frame(kind byte, parts ...any) []byte {
	var body []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			body = append(append(body, p...), 0)
		case []byte:
			body = append(body, p...)
		case int16:
			body = binary.BigEndian.AppendUint16(body, uint16(p))
		case int32:
			body = binary.BigEndian.AppendUint32(body, uint32(p))
		default:
			panic(fmt.Sprintf("%T", p))
		}
	}
	return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4)), body...)
}

var syncMessage = frame('S')

// bind is a Bind of one binary parameter to the unnamed statement.
func bind(value []byte) []byte {
	return frame('B', "", "", int16(1), int16(1), int16(1), int32(len(value)), value, int16(0))
}

// TestHostileMessages: frames and counts that lie cost an error or the connection,
// and nothing else.
func TestHostileMessages(t *testing.T) {
	t.Parallel()
	node := harness.Start(t, 1).Nodes[0]
	const int4Array, numeric, jsonb, uuid, interval, text = 1007, 1700, 3802, 2950, 1186, 25
	parse := func(sql string, oid int32) []byte { return frame('P', "", sql, int16(1), oid) }
	execute := frame('E', "", int32(0))
	types := bytes.Repeat([]byte{0, 0, 0, 23}, 65535)
	var list []string
	for i := range 65535 {
		list = append(list, fmt.Sprintf("$%d", i+1))
	}
	for _, c := range []struct {
		name   string
		send   []byte
		states []string
	}{
		{"parameters", slices.Concat(frame('P', "", "SELECT 1 WHERE 1 IN ("+strings.Join(list, ",")+")", int16(-1), types),
			frame('B', "", "", int16(0), int16(-1), bytes.Repeat([]byte{0xff, 0xff, 0xff, 0xff}, 65535), int16(0)), execute, syncMessage), []string{"", "54000", "54001", "54023"}},
		{"types without a text", slices.Concat(frame('P', "", "", int16(-1), types), syncMessage), []string{"", "08P01"}},
		{"types that are missing", slices.Concat(frame('P', "", "SELECT 1", int16(-1)), syncMessage), []string{"08P01"}},
		{"parameters that are missing", slices.Concat(parse("SELECT $1", text), frame('B', "", "", int16(0), int16(1), int32(1000)), syncMessage), []string{"08P01"}},
		{"negative length", slices.Concat(parse("SELECT $1", text), frame('B', "", "", int16(0), int16(1), int32(-7), int16(0)), syncMessage), []string{"08P01"}},
		{"large length", slices.Concat(parse("SELECT $1", text), frame('B', "", "", int16(0), int16(1), int32(0x7fffffff), int16(0)), syncMessage), []string{"08P01"}},
		{"result formats", slices.Concat(parse("SELECT $1", text), frame('B', "", "", int16(0), int16(1), int32(-1), int16(-1)), syncMessage), []string{"08P01"}},
		{"format code", slices.Concat(parse("SELECT $1", text), frame('B', "", "", int16(1), int16(9), int16(1), int32(-1), int16(0)), syncMessage), []string{"08P01", "22023"}},
		{"array of many", slices.Concat(parse("SELECT $1", int4Array), bind(frame('x', int32(1), int32(0), int32(23), int32(0x7fffffff), int32(1))[5:]), execute, syncMessage), []string{"22P03", "54000", "2202E"}},
		{"array of dimensions", slices.Concat(parse("SELECT $1", int4Array), bind(frame('x', int32(0x7fffffff), int32(0), int32(23))[5:]), execute, syncMessage), []string{"22P03", "54000"}},
		{"array of arrays", slices.Concat(parse("SELECT $1", int4Array), bind(frame('x', int32(6), int32(0), int32(23), bytes.Repeat([]byte{0, 1, 0, 0, 0, 0, 0, 1}, 6))[5:]), execute, syncMessage), []string{"22P03", "54000"}},
		{"numeric digits", slices.Concat(parse("SELECT $1", numeric), bind(frame('x', int16(32767), int16(32767), int16(0), int16(16383), int16(9999))[5:]), execute, syncMessage), []string{"22P03", "08P01"}},
		{"numeric scale", slices.Concat(parse("SELECT $1 * $1", numeric), bind(frame('x', int16(1), int16(32767), int16(0), int16(16383), int16(1))[5:]), execute, syncMessage), []string{"", "22003", "22P03"}},
		{"jsonb version", slices.Concat(parse("SELECT $1", jsonb), bind([]byte{9, '1'}), execute, syncMessage), []string{"22P03", "XX000"}}, // PostgreSQL says XX000,
		{"jsonb depth", slices.Concat(parse("SELECT $1", jsonb), bind(append([]byte{1}, bytes.Repeat([]byte{'['}, 1_000_000)...)), execute, syncMessage), []string{"54001", "22P02"}},
		{"short uuid", slices.Concat(parse("SELECT $1", uuid), bind([]byte{1}), execute, syncMessage), []string{"22P03", "08P01"}},
		{"short interval", slices.Concat(parse("SELECT $1", interval), bind([]byte{1}), execute, syncMessage), []string{"22P03", "08P01"}},
		{"not utf-8", slices.Concat(parse("SELECT $1", text), bind([]byte{0xff, 0}), execute, syncMessage), []string{"22021"}},
		{"statement name", slices.Concat(frame('P', strings.Repeat("n", 1<<20), "SELECT 1", int16(0)), syncMessage), []string{"", "54000", "42602", "42622"}},
		{"execute nothing", slices.Concat(frame('E', "nothing", int32(0)), syncMessage), []string{"34000"}},
		{"describe rubbish", slices.Concat(frame('D', []byte{'Q', 0}), syncMessage), []string{"08P01"}},
		{"function call", frame('F', int32(1), int16(0), int16(0), int16(0)), []string{"0A000"}},
		{"copy data", slices.Concat(frame('d', make([]byte, 1<<20)), syncMessage), []string{"", "08P01"}},
		{"unknown message", frame('?', "x"), []string{"08P01"}},
		{"short frame", []byte{'Q', 0, 0, 0, 3}, []string{"08P01"}},
		{"negative frame", []byte{'Q', 0xff, 0xff, 0xff, 0xff}, []string{"08P01", "54000"}},
		{"frame of 2 GiB", []byte{'Q', 0x7f, 0xff, 0xff, 0xff}, []string{"08P01", "54000"}},
		{"message over the limit", frame('Q', strings.Repeat(" ", 64<<20)), []string{"08P01", "54000"}},
		{"text without an end", frame('Q', []byte("SELECT 1")), []string{"08P01"}},
	} {
		w := session(t, node)
		w.send(c.send)
		if state := w.answer(); !slices.Contains(c.states, state) {
			t.Errorf("%s: SQLSTATE %q, want one of %q", c.name, state, c.states)
		}
		_ = w.conn.Close()
	}
	checkHealth(t, node)
}

// TestHostileConnections: what comes before a session, and sessions that keep much.
func TestHostileConnections(t *testing.T) {
	t.Parallel()
	node := harness.Start(t, 1).Nodes[0]
	for name, send := range map[string][]byte{
		"length 0":        {0, 0, 0, 0},
		"length 2 GiB":    {0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0},
		"http":            []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"tls":             {0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3},
		"protocol 2":      {0, 0, 0, 9, 0, 2, 0, 0, 0},
		"no user":         startup(),
		"odd parameters":  startup("user"),
		"long parameters": startup("user", "m", "options", strings.Repeat("x", 1<<20)),
		"not utf-8":       startup("user", "\xff\xfe"),
		"cancel rubbish":  {0, 0, 0, 16, 4, 0xd2, 0x16, 0x2e, 1, 2, 3, 4, 5, 6, 7, 8},
		"many SSLRequest": bytes.Repeat([]byte{0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f}, 1000),
	} {
		w := dial(t, node)
		w.send(send)
		_ = w.conn.(*net.TCPConn).CloseWrite()
		if _, err := io.Copy(io.Discard, w.conn); err != nil && errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Statements and portals are many, or are refused at a bound.
	w := session(t, node)
	refused := ""
	for i := 0; i < 50 && refused == ""; i++ {
		var batch []byte
		for j := range 1000 {
			batch = append(batch, frame('P', fmt.Sprintf("s%d-%d", i, j), "SELECT $1::int + 1", int16(0))...)
		}
		w.send(batch, syncMessage)
		refused = w.answer()
	}
	if !slices.Contains([]string{"", "54000", "53200", "53400"}, refused) {
		t.Errorf("many statements: SQLSTATE %q", refused)
	}
	t.Logf("50,000 statements of one session: SQLSTATE %q, %d MiB", refused, node.PeakMemory()>>20)
	checkHealth(t, node)
}

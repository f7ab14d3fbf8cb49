package pgwire

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgproto3/v2"

	"github.com/ssmr/ssmr/internal/pgerror"
)

func exchange(t *testing.T, ready int, msgs ...pgproto3.FrontendMessage) string {
	t.Helper()
	_, _, addr := start(t, Config{})
	p := dial(t, addr)
	p.login()
	p.send(msgs...)
	return p.until(ready)
}

// TestMessages holds what PostgreSQL 15 answers to these sequences.
func TestMessages(t *testing.T) {
	parse := func(text string) pgproto3.FrontendMessage { return &pgproto3.Parse{Query: text} }
	bind := &pgproto3.Bind{}
	describe := &pgproto3.Describe{ObjectType: 'P'}
	execute := &pgproto3.Execute{}
	limited := &pgproto3.Execute{MaxRows: 2}
	sync := &pgproto3.Sync{}
	query := func(text string) pgproto3.FrontendMessage { return &pgproto3.Query{String: text} }
	type list = []pgproto3.FrontendMessage
	cases := []struct {
		name string
		msgs list
		want string
	}{
		{"empty query", list{query("")}, "EmptyQueryResponse ZI"},
		{"simple query", list{query("rows 2")}, `T[n:23:f0] D["0"] D["1"] C(SELECT 2) ZI`},
		{"first error ends a simple query", list{query("insert; fail; insert")}, `C(INSERT 0 1) E(ERROR 22012 "division by zero") ZI`},
		{"internal errors keep their secrets", list{query("internal")}, `E(ERROR XX000 "internal error; the server's log says more") ZI`},
		{"extended", list{parse("rows 1"), bind, describe, execute, sync},
			`ParseComplete BindComplete T[n:23:f0] D["0"] C(SELECT 1) ZI`},
		{"no rows", list{parse("insert"), bind, describe, execute, sync}, "ParseComplete BindComplete NoData C(INSERT 0 1) ZI"},
		{"empty statement", list{parse(""), bind, describe, execute, sync}, "ParseComplete BindComplete NoData EmptyQueryResponse ZI"},
		{"row limit resumes", list{parse("rows 3"), bind, limited, limited, execute, sync},
			`ParseComplete BindComplete D["0"] D["1"] PortalSuspended D["2"] C(SELECT 1) C(SELECT 0) ZI`},
		{"after an error skip to Sync", list{parse("bad"), bind, execute, query("insert"), sync, query("insert")},
			`E(ERROR 42601 "bad") ZI C(INSERT 0 1) ZI`},
		{"one ReadyForQuery for each Sync", list{parse("fail"), bind, execute, sync, sync, sync},
			`ParseComplete BindComplete E(ERROR 22012 "division by zero") ZI ZI ZI`},
		{"unknown statement", list{&pgproto3.Bind{PreparedStatement: "zz"}, sync}, `E(ERROR 26000 "prepared statement \"zz\" does not exist") ZI`},
		{"unknown portal", list{&pgproto3.Execute{Portal: "zz"}, sync}, `E(ERROR 34000 "portal \"zz\" does not exist") ZI`},
		{"close unknown", list{&pgproto3.Close{ObjectType: 'S', Name: "q"}, &pgproto3.Close{ObjectType: 'P', Name: "q"}, sync}, "CloseComplete CloseComplete ZI"},
		{"describe statement", list{&pgproto3.Parse{Name: "s", Query: "echo"}, &pgproto3.Describe{ObjectType: 'S', Name: "s"}, sync},
			"ParseComplete t[23] T[n:23:f0] ZI"},
		{"describe subtype", list{&pgproto3.Describe{ObjectType: 'Q'}, sync}, `E(ERROR 08P01 "invalid DESCRIBE message subtype 81") ZI`},
		{"parameter in text", list{parse("echo"), &pgproto3.Bind{Parameters: [][]byte{[]byte("7")}}, execute, sync},
			`ParseComplete BindComplete D["7"] C(SELECT 1) ZI`},
		{"parameter in binary, result in binary", list{parse("echo"),
			&pgproto3.Bind{ParameterFormatCodes: []int16{1}, Parameters: [][]byte{{0, 0, 1, 0}}, ResultFormatCodes: []int16{1}}, describe, execute, sync},
			`ParseComplete BindComplete T[n:23:f1] D["\x00\x00\x01\x00"] C(SELECT 1) ZI`},
		{"wrong number of parameters", list{parse("echo"), bind, sync},
			`ParseComplete E(ERROR 08P01 "bind message supplies 0 parameters, but prepared statement \"\" requires 1") ZI`},
		{"unsupported format", list{parse("echo"), &pgproto3.Bind{ParameterFormatCodes: []int16{7}, Parameters: [][]byte{{1}}}, sync},
			`ParseComplete E(ERROR 22023 "unsupported format code: 7") ZI`},
		{"bad text", list{parse("echo"), &pgproto3.Bind{Parameters: [][]byte{[]byte("abc")}}, sync},
			`ParseComplete E(ERROR 22P02 "invalid input syntax for type integer: \"abc\"") ZI`},
		{"function call", list{&pgproto3.FunctionCall{Function: 1}}, `E(ERROR 0A000 "the function call message is not supported") ZI`},
		{"copy messages outside of COPY are ignored", list{&pgproto3.CopyData{}, &pgproto3.CopyDone{}, &pgproto3.CopyFail{}, query("insert")}, "C(INSERT 0 1) ZI"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := exchange(t, strings.Count(c.want, "ZI"), c.msgs...); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestMalformedFramesKeepThePlace(t *testing.T) {
	_, _, addr := start(t, Config{})
	p := dial(t, addr)
	p.login()
	// A Bind whose parameter says that it is -2 bytes long, and a Parse without an end.
	raw := []byte{'B', 0, 0, 0, 16, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0, 0, 'P', 0, 0, 0, 5, 'x'}
	if _, err := p.conn.Write(raw); err != nil {
		t.Fatal(err)
	}
	p.send(&pgproto3.Sync{}, &pgproto3.Query{String: "insert"})
	if got, want := p.until(2), `E(ERROR 08P01 "malformed message of type 'B'") ZI C(INSERT 0 1) ZI`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestBrokenFramesEndTheConnection(t *testing.T) {
	for name, raw := range map[string][]byte{
		"unknown type":    {'?', 0, 0, 0, 4},
		"negative length": {'Q', 0, 0, 0, 1},
		"too long":        {'Q', 0x7f, 0xff, 0xff, 0xff, 'x'},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, addr := start(t, Config{})
			p := dial(t, addr)
			p.login()
			if _, err := p.conn.Write(raw); err != nil {
				t.Fatal(err)
			}
			if m, ok := p.receive().(*pgproto3.ErrorResponse); !ok || m.Severity != "FATAL" || m.Code != pgerror.ProtocolViolation {
				t.Errorf("got %#v", m)
			}
			if _, err := p.in.Receive(); err == nil {
				t.Error("the connection is still open")
			}
		})
	}
}

func TestStartup(t *testing.T) {
	_, _, addr := start(t, Config{StartupTimeout: 2 * time.Second})
	packet := func(code uint32, body string) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
		return append(binary.BigEndian.AppendUint32(b, code), body...)
	}
	me := "user\x00me\x00\x00"
	cases := []struct {
		name string
		send [][]byte
		want string // prefix of the answer
	}{
		{"encryption is declined, then plain", [][]byte{packet(codeTLS, ""), packet(codeGSS, ""), packet(3<<16, me)}, "NNR\x00\x00\x00\x08\x00\x00\x00\x00"},
		{"newer minor version", [][]byte{packet(3<<16|2, "user\x00me\x00_pq_.x\x001\x00\x00")}, "v\x00\x00\x00\x13\x00\x00\x00\x00\x00\x00\x00\x01_pq_.x\x00R"},
		{"older protocol", [][]byte{packet(2<<16, me)}, "E"},
		{"no user", [][]byte{packet(3<<16, "database\x00x\x00\x00")}, "E"},
		{"no end", [][]byte{packet(3<<16, "user\x00me")}, "E"},
		{"refused by the backend", [][]byte{packet(3<<16, "user\x00nobody\x00\x00")}, "E"},
		{"replication", [][]byte{packet(3<<16, "user\x00me\x00replication\x00database\x00\x00")}, "E"},
		{"too long", [][]byte{{0, 1, 0, 0, 0, 3, 0, 0}}, "E"},
		{"TLS without a request", [][]byte{{0x16, 3, 1, 0, 5}}, ""},
		{"nothing", nil, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := dial(t, addr)
			for _, b := range c.send {
				if _, err := p.conn.Write(b); err != nil {
					t.Fatal(err)
				}
			}
			got := make([]byte, len(c.want))
			if _, err := io.ReadFull(p.conn, got); err != nil || string(got) != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
			if c.want == "" {
				if n, err := p.conn.Read(make([]byte, 1)); n > 0 || errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the connection says something: %d %v", n, err)
				}
			}
		})
	}
}

func TestOptionsOfStartup(t *testing.T) {
	params, _, err := parseStartupParameters([]byte("user\x00me\x00options\x00-c a.b=1 --time-zone=x\\ y -cDateStyle=iso\x00A.B\x002\x00\x00"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a.b": "2", "time_zone": "x y", "datestyle": "iso"} {
		if params[name] != want {
			t.Errorf("%s is %q, want %q", name, params[name], want)
		}
	}
	if _, err := parseOptions("-x"); err == nil {
		t.Error("an unknown option is accepted")
	}
}

func TestCancelEndsTheRunningStatementOnly(t *testing.T) {
	_, backend, addr := start(t, Config{})
	backend.waiting = make(chan struct{})
	p := dial(t, addr)
	key := p.login()
	cancel := func(secret uint32) {
		c := dial(t, addr)
		c.send(&pgproto3.CancelRequest{ProcessID: key.ProcessID, SecretKey: secret})
		_, _ = c.conn.Read(make([]byte, 1)) // closed when it has been heard
	}
	cancel(key.SecretKey) // nothing runs
	p.send(&pgproto3.Query{String: "insert"})
	if got := p.until(1); got != "C(INSERT 0 1) ZI" {
		t.Errorf("after a cancel of nothing: %s", got)
	}
	p.send(&pgproto3.Query{String: "wait"})
	<-backend.waiting
	cancel(key.SecretKey + 1) // a stranger
	cancel(key.SecretKey)
	if got, want := p.until(1), `E(ERROR 57014 "canceling statement due to user request") ZI`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	p.send(&pgproto3.Query{String: "rows 1"})
	if got := p.until(1); !strings.Contains(got, "C(SELECT 1)") {
		t.Errorf("the next statement: %s", got)
	}
}

func TestConnectionLimit(t *testing.T) {
	srv, _, addr := start(t, Config{MaxConnections: 1})
	dial(t, addr).login()
	second := dial(t, addr)
	second.send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber, Parameters: map[string]string{"user": "me"}})
	if m, ok := second.receive().(*pgproto3.ErrorResponse); !ok || m.Code != pgerror.TooManyConnections || m.Severity != "FATAL" {
		t.Errorf("got %#v", m)
	}
	if n := srv.Connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestPanicCostsOneConnection(t *testing.T) {
	_, backend, addr := start(t, Config{})
	p, other := dial(t, addr), dial(t, addr)
	p.login()
	other.login()
	p.send(&pgproto3.Query{String: "panic"})
	if m, ok := p.receive().(*pgproto3.ErrorResponse); !ok || m.Code != pgerror.InternalError || m.Severity != "FATAL" {
		t.Errorf("got %#v", m)
	}
	other.send(&pgproto3.Query{String: "insert"})
	if got := other.until(1); got != "C(INSERT 0 1) ZI" {
		t.Errorf("the other connection: %s", got)
	}
	for deadline := time.Now().Add(10 * time.Second); backend.closed.Load() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the session was not closed")
		}
	}
}

// TestSlowReaderHoldsUpItselfOnly holds that results are not gathered for a client
// that does not read them.
func TestSlowReaderHoldsUpItselfOnly(t *testing.T) {
	_, backend, addr := start(t, Config{})
	slow, other := dial(t, addr), dial(t, addr)
	slow.login()
	other.login()
	const rows = 50_000_000
	slow.send(&pgproto3.Query{String: "rows 50000000"})
	var last int64 = -1
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		now := backend.sent.Load()
		if now > 0 && now == last {
			break // the socket is full and the statement waits
		}
		if last = now; time.Now().After(deadline) || now == rows {
			t.Fatalf("%d rows went to a client that reads none", now)
		}
	}
	other.send(&pgproto3.Query{String: "insert"})
	if got := other.until(1); got != "C(INSERT 0 1) ZI" {
		t.Errorf("the other connection: %s", got)
	}
}

// TestClientThatLeavesIsNoInternalError holds that a client that goes while rows
// are written for it leaves no error in the log.
func TestClientThatLeavesIsNoInternalError(t *testing.T) {
	var log lockedBuffer
	_, backend, addr := start(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	p := dial(t, addr)
	p.login()
	p.send(&pgproto3.Query{String: "rows 50000000"})
	for deadline := time.Now().Add(20 * time.Second); backend.sent.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no row was sent")
		}
	}
	_ = p.conn.Close()
	for deadline := time.Now().Add(20 * time.Second); backend.closed.Load() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the session was not closed")
		}
	}
	if s := log.String(); strings.Contains(s, "level=ERROR") {
		t.Errorf("logged: %s", s)
	}
}

// lockedBuffer is a buffer that several goroutines write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestShutdown(t *testing.T) {
	srv, backend, addr := start(t, Config{})
	backend.waiting = make(chan struct{}, 1)
	idle, busy := dial(t, addr), dial(t, addr)
	idle.login()
	key := busy.login()
	busy.send(&pgproto3.Query{String: "wait"})
	<-backend.waiting
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Shutdown(ctx) }()
	if m, ok := idle.receive().(*pgproto3.ErrorResponse); !ok || m.Code != pgerror.AdminShutdown {
		t.Errorf("the idle client got %#v", m)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("a client was accepted while draining")
	}
	select {
	case err := <-done:
		t.Fatalf("shutdown did not wait for the running statement: %v", err)
	default:
	}
	srv.cancel(key.ProcessID, key.SecretKey)
	if got := busy.until(1); !strings.Contains(got, "57014") {
		t.Errorf("the busy client got %s", got)
	}
	if err := <-done; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	stop()
}

func TestShutdownCutsOffAfterGrace(t *testing.T) {
	srv, backend, addr := start(t, Config{})
	backend.waiting = make(chan struct{}, 1)
	busy := dial(t, addr)
	busy.login()
	busy.send(&pgproto3.Query{String: "wait"})
	<-backend.waiting
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := srv.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown returned %v", err)
	}
	if m, ok := busy.receive().(*pgproto3.ErrorResponse); !ok || m.Code != pgerror.AdminShutdown {
		t.Errorf("the busy client got %#v", m)
	}
}

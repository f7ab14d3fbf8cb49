package pgwire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgproto3/v2"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
)

// scripted is a backend whose statements are words: "rows N", "insert", "fail",
// "internal", "wait", "echo" (one integer parameter), "panic".
type scripted struct {
	sent    atomic.Int64 // rows that sinks have taken
	waiting chan struct{}
	closed  atomic.Int64
}

func (b *scripted) Open(_ context.Context, s session.Startup) (session.Session, error) {
	if s.User == "nobody" {
		return nil, pgerror.New(pgerror.InvalidAuthorization, "role %q does not exist", s.User)
	}
	return &scriptedSession{backend: b, startup: s, status: session.Idle, statements: map[string]string{}, portals: map[string]*scriptedPortal{}}, nil
}

type scriptedSession struct {
	backend    *scripted
	startup    session.Startup
	statements map[string]string
	portals    map[string]*scriptedPortal
	syncs      int
	commit     error // what Sync answers
	limit      time.Duration
	status     session.Status
}

type scriptedPortal struct {
	text    string
	params  []datum.Datum
	formats []int16
	at      int
}

func (s *scriptedSession) Parameters() map[string]string {
	return map[string]string{"server_version": "15.0", "client_encoding": "UTF8"}
}

func (s *scriptedSession) Split(query string) ([]session.Text, error) {
	var out []session.Text
	for part := range strings.SplitSeq(query, ";") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, session.Text{SQL: part})
		}
	}
	return out, nil
}

func columnsOf(text string) []session.Column {
	if strings.HasPrefix(text, "rows") || text == "echo" {
		return []session.Column{{Name: "n", Type: datum.Int4}}
	}
	return nil
}

func (s *scriptedSession) Query(ctx context.Context, text session.Text, _, _ int, sink session.Sink) (session.Completion, error) {
	if cols := columnsOf(text.SQL); cols != nil {
		if err := sink.Columns(cols); err != nil {
			return session.Completion{}, err
		}
	}
	return s.run(ctx, &scriptedPortal{text: text.SQL}, 0, sink)
}

func (s *scriptedSession) run(ctx context.Context, p *scriptedPortal, maxRows int64, sink session.Sink) (session.Completion, error) {
	word, arg, _ := strings.Cut(p.text, " ")
	switch word {
	case "rows":
		n, _ := strconv.Atoi(arg)
		sent := int64(0)
		for ; p.at < n; p.at++ {
			if maxRows > 0 && sent == maxRows {
				return session.Completion{Suspended: true}, nil
			}
			if err := sink.Row([]datum.Datum{datum.NewInt(int64(p.at))}); err != nil {
				return session.Completion{}, err
			}
			sent++
			s.backend.sent.Add(1)
		}
		return session.Completion{Tag: fmt.Sprintf("SELECT %d", sent)}, nil
	case "echo":
		if err := sink.Row(p.params); err != nil {
			return session.Completion{}, err
		}
		return session.Completion{Tag: "SELECT 1"}, nil
	case "insert":
		return session.Completion{Tag: "INSERT 0 1"}, nil
	case "fail":
		return session.Completion{}, pgerror.New(pgerror.DivisionByZero, "division by zero")
	case "internal":
		return session.Completion{}, errors.New("a secret of the server")
	case "begin":
		s.status = session.Active
		return session.Completion{Tag: "BEGIN"}, nil
	case "conflict":
		s.commit = pgerror.New(pgerror.SerializationFailure, "conflict")
		return session.Completion{Tag: "UPDATE 1"}, nil
	case "idle":
		s.limit, _ = time.ParseDuration(arg)
		return session.Completion{Tag: "IDLE"}, nil
	case "panic":
		panic("boom")
	case "wait":
		if s.backend.waiting != nil {
			s.backend.waiting <- struct{}{}
		}
		<-ctx.Done()
		return session.Completion{}, context.Cause(ctx)
	case "":
		return session.Completion{}, nil
	}
	return session.Completion{}, pgerror.New(pgerror.SyntaxError, "syntax error at or near %q", word).At(1)
}

func (s *scriptedSession) Parse(_ context.Context, name, query string, _ []uint32) error {
	if strings.HasPrefix(query, "bad") {
		return pgerror.New(pgerror.SyntaxError, "bad").At(1)
	}
	s.statements[name] = query
	return nil
}

func (s *scriptedSession) Statement(name string) (*session.Statement, error) {
	text, ok := s.statements[name]
	if !ok {
		return nil, pgerror.New(pgerror.InvalidSQLStatementName, "prepared statement %q does not exist", name)
	}
	st := &session.Statement{Columns: columnsOf(text)}
	if text == "echo" {
		st.Params = []datum.Type{datum.Int4}
	}
	return st, nil
}

func (s *scriptedSession) Bind(_ context.Context, portal, statement string, params []datum.Datum, formats []int16) error {
	s.portals[portal] = &scriptedPortal{text: s.statements[statement], params: params, formats: formats}
	return nil
}

func (s *scriptedSession) Portal(name string) (*session.Portal, error) {
	p, ok := s.portals[name]
	if !ok {
		return nil, pgerror.New(pgerror.InvalidCursorName, "portal %q does not exist", name)
	}
	return &session.Portal{Columns: columnsOf(p.text), Formats: p.formats}, nil
}

func (s *scriptedSession) Execute(ctx context.Context, portal string, maxRows int64, last bool, sink session.Sink) (session.Completion, error) {
	if s.portals[portal].text == "last" {
		return session.Completion{Tag: fmt.Sprintf("LAST %v", last)}, nil
	}
	return s.run(ctx, s.portals[portal], maxRows, sink)
}

func (s *scriptedSession) IdleLimit() (time.Duration, *pgerror.Error) {
	return s.limit, pgerror.New("57P05", "terminating connection due to idle-session timeout")
}
func (s *scriptedSession) CloseStatement(name string) { delete(s.statements, name) }
func (s *scriptedSession) ClosePortal(name string)    { delete(s.portals, name) }
func (s *scriptedSession) Sync(_ context.Context, failed bool) error {
	s.syncs++
	clear(s.portals)
	if failed && s.status == session.Active {
		s.status = session.Failed
	}
	err := s.commit
	s.commit = nil
	return err
}
func (s *scriptedSession) Status() session.Status { return s.status }
func (s *scriptedSession) Format() *datum.Format  { return &datum.Format{} }
func (s *scriptedSession) Close()                 { s.backend.closed.Add(1) }

// start runs a server with the scripted backend on loopback.
func start(t testing.TB, cfg Config) (*Server, *scripted, string) {
	t.Helper()
	backend := &scripted{}
	srv, err := New(cfg, backend)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = srv.Shutdown(ctx)
		if err := <-served; !errors.Is(err, ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
	})
	return srv, backend, l.Addr().String()
}

// peer is the client's side of a connection.
type peer struct {
	t    testing.TB
	conn net.Conn
	in   *pgproto3.Frontend
}

func dial(t testing.TB, addr string) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &peer{t: t, conn: conn, in: pgproto3.NewFrontend(pgproto3.NewChunkReader(conn), conn)}
}

// login starts a session and returns its key.
func (p *peer) login() pgproto3.BackendKeyData {
	p.t.Helper()
	p.send(&pgproto3.StartupMessage{ProtocolVersion: pgproto3.ProtocolVersionNumber, Parameters: map[string]string{"user": "me"}})
	var key pgproto3.BackendKeyData
	for {
		switch m := p.receive().(type) {
		case *pgproto3.BackendKeyData:
			key = *m
		case *pgproto3.ReadyForQuery:
			return key
		case *pgproto3.ErrorResponse:
			p.t.Fatalf("login refused: %s", m.Message)
		}
	}
}

func (p *peer) send(msgs ...pgproto3.FrontendMessage) {
	p.t.Helper()
	var b []byte
	for _, m := range msgs {
		var err error
		if b, err = m.Encode(b); err != nil {
			p.t.Fatal(err)
		}
	}
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) receive() pgproto3.BackendMessage {
	p.t.Helper()
	m, err := p.in.Receive()
	if err != nil {
		p.t.Fatalf("receive: %v", err)
	}
	return m
}

// until reads messages up to the n-th ReadyForQuery and prints them in short.
func (p *peer) until(ready int) string {
	p.t.Helper()
	var out []string
	for ready > 0 {
		m := p.receive()
		if _, ok := m.(*pgproto3.ReadyForQuery); ok {
			ready--
		}
		out = append(out, short(m))
	}
	return strings.Join(out, " ")
}

func short(m pgproto3.BackendMessage) string {
	switch m := m.(type) {
	case *pgproto3.ErrorResponse:
		return fmt.Sprintf("E(%s %s %q)", m.Severity, m.Code, m.Message)
	case *pgproto3.ReadyForQuery:
		return "Z" + string(m.TxStatus)
	case *pgproto3.CommandComplete:
		return fmt.Sprintf("C(%s)", m.CommandTag)
	case *pgproto3.DataRow:
		var vals []string
		for _, v := range m.Values {
			vals = append(vals, strconv.Quote(string(v)))
		}
		return "D[" + strings.Join(vals, " ") + "]"
	case *pgproto3.RowDescription:
		return fmt.Sprintf("T[%s:%d:f%d]", m.Fields[0].Name, m.Fields[0].DataTypeOID, m.Fields[0].Format)
	case *pgproto3.ParameterDescription:
		return fmt.Sprintf("t%v", m.ParameterOIDs)
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", m), "*pgproto3.")
}

// memoryConn is a connection whose input is given beforehand.
type memoryConn struct {
	io.Reader
	bytes.Buffer
}

type memoryAddr struct{}

func (memoryAddr) Network() string { return "memory" }
func (memoryAddr) String() string  { return "memory" }

func (c *memoryConn) Read(p []byte) (int, error)     { return c.Reader.Read(p) }
func (c *memoryConn) Write(p []byte) (int, error)    { return c.Buffer.Write(p) }
func (*memoryConn) Close() error                     { return nil }
func (*memoryConn) LocalAddr() net.Addr              { return memoryAddr{} }
func (*memoryConn) RemoteAddr() net.Addr             { return memoryAddr{} }
func (*memoryConn) SetDeadline(time.Time) error      { return nil }
func (*memoryConn) SetReadDeadline(time.Time) error  { return nil }
func (*memoryConn) SetWriteDeadline(time.Time) error { return nil }

package pgwire

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgproto3/v2"

	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
)

// conn is one client's connection. One goroutine serves it; only cancelRunning
// and wake are called by others.
type conn struct {
	srv     *Server
	net     net.Conn
	log     *slog.Logger
	r       *reader
	w       writer
	session session.Session
	pid     uint32
	secret  uint32

	// skipping says that an error was met in the extended protocol: messages are
	// discarded until Sync.
	skipping bool
	// idle says that the client was told ReadyForQuery last, and has sent
	// nothing since.
	idle bool
	rows rows // the sink of the statement that runs

	// reported are the parameters as the client knows them; changed are those that
	// it has to be told of before the next ReadyForQuery.
	reported map[string]string
	changed  []parameter

	ctx     context.Context // of the statement that runs
	mu      sync.Mutex      // guards what follows
	cancel  context.CancelCauseFunc
	running bool
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, net: nc, reported: make(map[string]string), log: s.cfg.Logger.With("client", nc.RemoteAddr().String())}
	c.w.w = nc
	c.r = newReader(flushingReader{c}, s.cfg.MaxMessageBytes)
	c.ctx, c.cancel = context.WithCancelCause(s.base)
	return c
}

// flushingReader writes what has gathered before it waits for the client, so
// that a client that waits for an answer gets it, and a client that pipelines is
// answered in few writes.
type flushingReader struct{ c *conn }

func (f flushingReader) Read(p []byte) (int, error) {
	if err := f.c.w.flush(); err != nil {
		return 0, err
	}
	return f.c.net.Read(p)
}

// begin starts a time in which a cancel request is heard, and returns its context.
func (c *conn) begin() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil && c.srv.base.Err() == nil {
		c.ctx, c.cancel = context.WithCancelCause(c.srv.base)
	}
	c.running = true
	return c.ctx
}

func (c *conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
}

// cancelRunning cancels the statement that runs. It reports whether there was one.
func (c *conn) cancelRunning(cause error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running {
		c.cancel(cause)
	}
	return c.running
}

// wake ends the wait for the client's next message.
func (c *conn) wake() { _ = c.net.SetReadDeadline(time.Now()) }

// Notice sends a notice to the client.
func (c *conn) Notice(n session.Notice) { c.w.sendNotice(n) }

// parameter is a reported run-time parameter.
type parameter struct{ name, value string }

// ParameterStatus notes a parameter's new value. The client hears of it before
// the next ReadyForQuery, and only if it is not what it knows already.
func (c *conn) ParameterStatus(name, value string) {
	c.changed = slices.DeleteFunc(c.changed, func(p parameter) bool { return p.name == name })
	c.changed = append(c.changed, parameter{name, value})
}

// ready ends an exchange: the client hears of changed parameters, and may go on.
func (c *conn) ready() {
	for _, p := range c.changed {
		if known, ok := c.reported[p.name]; !ok || known != p.value {
			c.w.send(&pgproto3.ParameterStatus{Name: p.name, Value: p.value})
			c.reported[p.name] = p.value
		}
	}
	c.changed = c.changed[:0]
	c.w.ready(c.session.Status())
	c.idle = true
}

// next waits for the client's next message; for one that is idle no longer than
// its session allows.
func (c *conn) next() (pgproto3.FrontendMessage, error) {
	var limit time.Duration
	var over *pgerror.Error
	if c.idle {
		limit, over = c.session.IdleLimit()
		c.idle = false
	}
	if limit <= 0 || c.r.r.Buffered() > 0 {
		return c.r.next()
	}
	c.expect(limit)
	msg, err := c.r.next()
	if errors.Is(err, os.ErrDeadlineExceeded) && !c.srv.isDraining() {
		return nil, over
	}
	c.expect(0)
	return msg, err
}

// expect bounds the time that the client's next bytes may take; 0: no bound. A
// server that is shutting down waits for nothing.
func (c *conn) expect(limit time.Duration) {
	var until time.Time
	if limit > 0 {
		until = time.Now().Add(limit)
	}
	_ = c.net.SetReadDeadline(until)
	if c.srv.isDraining() {
		c.wake()
	}
}

// run serves messages until the connection ends.
func (c *conn) run() {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("serving a client panicked", "panic", p, "stack", string(debug.Stack()))
			c.fatal(pgerror.New(pgerror.InternalError, "internal error; the server's log says more"))
		}
		_ = c.w.flush()
	}()
	for {
		msg, err := c.next()
		var malformed *errMalformed
		switch {
		case errors.As(err, &malformed):
			c.malformed(malformed)
			continue
		case err != nil:
			c.ended(err)
			return
		}
		if _, ok := msg.(*pgproto3.Terminate); ok {
			return
		}
		ctx := c.begin()
		c.handle(ctx, msg)
		c.end()
		if c.w.flushFull() != nil {
			return
		}
	}
}

// handle serves one message.
func (c *conn) handle(ctx context.Context, msg pgproto3.FrontendMessage) {
	if _, ok := msg.(*pgproto3.Sync); ok {
		c.sync(ctx, c.skipping)
		return
	}
	if c.skipping {
		return
	}
	var err error
	switch m := msg.(type) {
	case *pgproto3.Query:
		c.query(ctx, m.String)
	case *pgproto3.FunctionCall:
		c.w.sendError("ERROR", pgerror.NotSupported("the function call message"))
		c.sync(ctx, true)
	case *pgproto3.Parse:
		err = c.parse(ctx, m)
	case *pgproto3.Bind:
		err = c.bind(ctx, m)
	case *pgproto3.Describe:
		err = c.describe(m)
	case *pgproto3.Execute:
		err = c.execute(ctx, m)
	case *pgproto3.Close:
		err = c.closeNamed(m)
	case *pgproto3.Flush:
		err = c.w.flush()
	default:
		// CopyData, CopyDone and CopyFail outside of COPY: left over from a copy
		// that failed. PostgreSQL ignores them, and so must we.
	}
	if err != nil {
		c.w.sendError("ERROR", c.clientError(err))
		c.skipping = true
	}
}

// malformed answers a frame whose content cannot be understood.
func (c *conn) malformed(err *errMalformed) {
	if c.skipping {
		return
	}
	c.w.sendError("ERROR", pgerror.New(pgerror.ProtocolViolation, "%s", err.Error()))
	if err.kind == 'Q' || err.kind == 'F' {
		c.sync(c.begin(), true)
		c.end()
		return
	}
	c.skipping = true
}

// ended says why a connection ends, to the client where it can still hear it.
func (c *conn) ended(err error) {
	if e := pgerror.As(err); e != nil {
		c.fatal(e)
		return
	}
	if c.srv.isDraining() {
		c.fatal(errShutdown)
	}
}

func (c *conn) fatal(e *pgerror.Error) {
	_ = c.net.SetWriteDeadline(time.Now().Add(time.Second))
	c.w.sendError("FATAL", e)
	_ = c.w.flush()
}

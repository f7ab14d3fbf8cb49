package pgwire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgproto3/v2"

	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
)

const (
	maxStartupBytes = 10000

	codeCancel = 80877102
	codeTLS    = 80877103
	codeGSS    = 80877104
)

// errFinished says that the connection has done what it came for.
var errFinished = errors.New("connection has finished")

// serve is the life of a connection.
func (s *Server) serve(nc net.Conn) {
	defer nc.Close()
	c := newConn(s, nc)
	_ = nc.SetDeadline(time.Now().Add(s.cfg.StartupTimeout))
	start, err := c.startup()
	s.mu.Lock()
	s.starting--
	s.mu.Unlock()
	if err != nil {
		c.refuse(err)
		return
	}
	if !s.register(c) {
		event(s.cfg.Events.Refused)
		e := pgerror.New(pgerror.TooManyConnections, "sorry, too many clients already")
		if s.isDraining() {
			e = pgerror.New(pgerror.CannotConnectNow, "the database system is shutting down")
		}
		c.refuse(e)
		return
	}
	event(s.cfg.Events.Connected)
	defer event(s.cfg.Events.Disconnected)
	defer s.unregister(c)
	if err := c.open(start); err != nil {
		c.refuse(err)
		return
	}
	defer c.session.Close()
	_ = nc.SetDeadline(time.Time{})
	c.run()
}

// refuse ends a connection before its session is there.
func (c *conn) refuse(err error) {
	if errors.Is(err, errFinished) {
		return
	}
	if e := pgerror.As(err); e != nil {
		c.w.sendError("FATAL", e)
		_ = c.w.flush()
	}
	c.log.Debug("a connection ended before it had started", "error", err)
}

// startup reads packets until the one that starts a session. It reads no byte
// beyond it.
func (c *conn) startup() (session.Startup, error) {
	for range 4 { // TLS and GSS may both be asked for first
		code, body, err := readStartupPacket(c.net)
		if err != nil {
			return session.Startup{}, err
		}
		switch code {
		case codeTLS, codeGSS:
			// One byte: neither is offered. The client decides whether to go on.
			if _, err := c.net.Write([]byte{'N'}); err != nil {
				return session.Startup{}, err
			}
		case codeCancel:
			if len(body) >= 8 {
				c.srv.cancel(binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:]))
			}
			return session.Startup{}, errFinished
		default:
			return c.greet(code, body)
		}
	}
	return session.Startup{}, pgerror.New(pgerror.ProtocolViolation, "too many requests for encryption")
}

// readStartupPacket reads one packet that has no type byte. The connection's own
// reader is not used: what follows a request for encryption must stay unread.
func readStartupPacket(r io.Reader) (code uint32, body []byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:1]); err != nil {
		return 0, nil, errFinished // a port check
	}
	if head[0] == 0x16 {
		return 0, nil, fmt.Errorf("client began with TLS, which is not offered: %w", errFinished)
	}
	if _, err := io.ReadFull(r, head[1:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n < 8 || n > maxStartupBytes {
		return 0, nil, pgerror.New(pgerror.ProtocolViolation, "invalid length of startup packet")
	}
	body = make([]byte, n-4)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, err
	}
	return binary.BigEndian.Uint32(body), body[4:], nil
}

// greet understands a start-up message and answers with the negotiated version
// where the client asked for more than there is.
func (c *conn) greet(code uint32, body []byte) (session.Startup, error) {
	var start session.Startup
	major, minor := code>>16, code&0xffff
	if major != 3 {
		return start, pgerror.New(pgerror.FeatureNotSupported,
			"unsupported frontend protocol %d.%d: server supports 3.0 to 3.0", major, minor)
	}
	params, unknown, err := parseStartupParameters(body)
	if err != nil {
		return start, err
	}
	if minor > 0 || len(unknown) > 0 {
		c.negotiate(unknown)
	}
	start.User, start.Database = params["user"], params["database"]
	delete(params, "user")
	delete(params, "database")
	if start.User == "" {
		return start, pgerror.New(pgerror.InvalidAuthorization, "no PostgreSQL user name specified in startup packet")
	}
	if start.Database == "" {
		start.Database = start.User
	}
	if r, ok := params["replication"]; ok {
		if !slices.Contains([]string{"false", "off", "no", "0"}, strings.ToLower(r)) {
			return start, pgerror.NotSupported("the replication protocol")
		}
		delete(params, "replication")
	}
	start.Options = params
	return start, nil
}

// negotiate queues NegotiateProtocolVersion, which pgproto3 does not have.
func (c *conn) negotiate(unknown []string) {
	c.w.raw('v', func(b []byte) []byte {
		b = binary.BigEndian.AppendUint32(b, 0) // newest minor version
		b = binary.BigEndian.AppendUint32(b, uint32(len(unknown)))
		for _, name := range unknown {
			b = append(append(b, name...), 0)
		}
		return b
	})
}

// parseStartupParameters splits names and values; protocol options ("_pq_.") come
// back apart. The words of "options" override nothing that is given by itself.
func parseStartupParameters(body []byte) (params map[string]string, unknown []string, err error) {
	malformed := pgerror.New(pgerror.ProtocolViolation, "invalid startup packet layout: expected terminator as last byte")
	params = make(map[string]string)
	for {
		name, rest, ok := bytes.Cut(body, []byte{0})
		if !ok {
			return nil, nil, malformed
		}
		if len(name) == 0 {
			break
		}
		value, rest, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			return nil, nil, malformed
		}
		body = rest
		if n := string(name); strings.HasPrefix(n, "_pq_.") {
			unknown = append(unknown, n)
		} else {
			params[strings.ToLower(n)] = string(value)
		}
	}
	options := params["options"]
	delete(params, "options")
	given, err := parseOptions(options)
	if err != nil {
		return nil, nil, err
	}
	for name, value := range given {
		if _, ok := params[name]; !ok {
			params[name] = value
		}
	}
	return params, unknown, nil
}

// parseOptions understands the start-up packet's "options": words as of a command
// line (a backslash escapes a space), of which -c name=value and --name=value are
// taken.
func parseOptions(s string) (map[string]string, error) {
	words := splitWords(s)
	given := make(map[string]string)
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "-c" && i+1 < len(words):
			i++
			word = words[i]
		case strings.HasPrefix(word, "-c"):
			word = word[2:]
		case strings.HasPrefix(word, "--"):
			word = word[2:]
		default:
			return nil, pgerror.New(pgerror.SyntaxError, "invalid command-line argument for server process: %s", word)
		}
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, pgerror.New(pgerror.SyntaxError, "%s requires a value", word)
		}
		given[strings.ToLower(strings.ReplaceAll(name, "-", "_"))] = value
	}
	return given, nil
}

func splitWords(s string) []string {
	var words []string
	var word []byte
	in := false
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b == '\\' && i+1 < len(s):
			i++
			word, in = append(word, s[i]), true
		case b == ' ' || b == '\t' || b == '\n':
			if in {
				words, word, in = append(words, string(word)), nil, false
			}
		default:
			word, in = append(word, b), true
		}
	}
	if in {
		words = append(words, string(word))
	}
	return words
}

// open makes the session and tells the client that it is ready.
func (c *conn) open(start session.Startup) error {
	start.Remote = c.net.RemoteAddr().String()
	start.PID = c.pid
	start.Client = c
	s, err := c.srv.backend.Open(c.srv.base, start)
	if err != nil {
		return fmt.Errorf("open session: %w", err)
	}
	c.session = s
	c.w.send(&pgproto3.AuthenticationOk{})
	params := s.Parameters()
	names := make([]string, 0, len(params))
	for name := range params {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		c.w.send(&pgproto3.ParameterStatus{Name: name, Value: params[name]})
		c.reported[name] = params[name]
	}
	c.w.send(&pgproto3.BackendKeyData{ProcessID: c.pid, SecretKey: c.secret})
	c.ready()
	return c.w.flush()
}

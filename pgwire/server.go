package pgwire

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/ssmr/ssmr/internal/session"
)

// ErrServerClosed is returned by Serve after Shutdown.
var ErrServerClosed = errors.New("pgwire: server closed")

// Server serves clients of the PostgreSQL protocol.
type Server struct {
	cfg     Config
	backend session.Backend

	base    context.Context // ends when running statements are to be cut off
	cutOff  context.CancelCauseFunc
	serving sync.WaitGroup

	mu        sync.Mutex // guards what follows
	listeners map[net.Listener]struct{}
	conns     map[uint32]*conn // by process id
	starting  int              // connections that have not finished their start-up
	lastPID   uint32
	draining  bool
}

// New makes a server whose sessions the backend opens.
func New(cfg Config, backend session.Backend) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	base, cutOff := context.WithCancelCause(context.Background())
	return &Server{
		cfg: cfg, backend: backend, base: base, cutOff: cutOff,
		listeners: make(map[net.Listener]struct{}),
		conns:     make(map[uint32]*conn),
	}, nil
}

// Serve accepts clients until Shutdown, and then returns ErrServerClosed. It may
// be called for several listeners, which it closes.
func (s *Server) Serve(l net.Listener) error {
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		_ = l.Close()
		return ErrServerClosed
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	for {
		c, err := l.Accept()
		if err != nil {
			if s.isDraining() {
				return ErrServerClosed
			}
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			s.cfg.Logger.Warn("accepting a client failed", "error", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if !s.admit() {
			_ = c.Close()
			continue
		}
		go func() {
			defer s.serving.Done()
			s.serve(c)
		}()
	}
}

// admit makes room for a connection that has yet to say who it is. Those are
// bounded apart, so that a crowd of silent ones takes no client's place.
func (s *Server) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining || s.starting >= s.cfg.MaxConnections+64 {
		return false
	}
	s.starting++
	s.serving.Add(1)
	return true
}

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// register gives a connection its process id and its cancel key. It reports
// false where there is no room.
func (s *Server) register(c *conn) bool {
	var secret [4]byte
	_, _ = rand.Read(secret[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining || len(s.conns) >= s.cfg.MaxConnections {
		return false
	}
	for {
		s.lastPID++
		if s.lastPID > 1<<31-1 {
			s.lastPID = 1
		}
		if _, taken := s.conns[s.lastPID]; !taken {
			break
		}
	}
	c.pid, c.secret = s.lastPID, binary.BigEndian.Uint32(secret[:])
	s.conns[c.pid] = c
	return true
}

func (s *Server) unregister(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c.pid)
}

// cancel ends what the connection with this key runs. A wrong key does nothing,
// silently, as the protocol wants it.
func (s *Server) cancel(pid, secret uint32) {
	s.mu.Lock()
	c := s.conns[pid]
	s.mu.Unlock()
	if c != nil && c.secret == secret && c.cancelRunning(errCancelRequest) {
		event(s.cfg.Events.Cancelled)
	}
}

// Connections returns the number of clients that are being served.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

// Shutdown stops accepting clients, ends idle connections with 57P01, lets
// running statements finish until ctx ends and then cancels them. It returns
// when the last connection is closed; ctx's error if statements were cut off.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	for l := range s.listeners {
		_ = l.Close()
	}
	for _, c := range s.conns {
		c.wake()
	}
	s.mu.Unlock()

	done := make(chan struct{})
	go func() {
		s.serving.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.cutOff(errShutdown)
	s.mu.Lock()
	for _, c := range s.conns {
		c.cancelRunning(errShutdown)
		// A client that does not read its results must not hold up the end.
		_ = c.net.SetWriteDeadline(time.Now().Add(time.Second))
	}
	s.mu.Unlock()
	<-done
	return ctx.Err()
}

func event(f func()) {
	if f != nil {
		f()
	}
}

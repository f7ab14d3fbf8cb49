package server

import (
	"net"
	"sync"
)

// noListener is the cluster port of a node that has no peers: nobody connects.
type noListener struct {
	once   sync.Once
	closed chan struct{}
}

func newNoListener() *noListener { return &noListener{closed: make(chan struct{})} }

// Accept waits for Close.
func (l *noListener) Accept() (net.Conn, error) {
	<-l.closed
	return nil, net.ErrClosed
}

// Close ends Accept.
func (l *noListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr is no address.
func (l *noListener) Addr() net.Addr { return &net.UnixAddr{Name: "none", Net: "none"} }

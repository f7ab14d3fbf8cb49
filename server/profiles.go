package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// serveProfiles serves profiles of the process where the configuration asks for it.
func (n *Node) serveProfiles(context.Context) error {
	if n.cfg.DebugListen == "" {
		return nil
	}
	l, err := net.Listen("tcp", n.cfg.DebugListen)
	if err != nil {
		return fmt.Errorf("address for profiles (key \"debug-listen\"): %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			n.log.Warn("profiles are not served any more", "error", err)
		}
	}()
	n.onClose("profiles", func() error {
		err := srv.Close()
		<-served
		return err
	})
	return nil
}

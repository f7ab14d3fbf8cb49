package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
)

// TestNetsplitsInOneDirection holds that a proxy knows who has opened a connection, and
// holds up what one says to the other, but not the opposite.
func TestNetsplitsInOneDirection(t *testing.T) {
	names := []string{"a", "b"}
	n := newNetwork(names)
	defer n.close()
	var listeners []net.Listener
	var addresses []string
	for range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners, addresses = append(listeners, l), append(addresses, l.Addr().String())
	}
	proxied, err := n.through(names, addresses)
	if err != nil {
		t.Fatal(err)
	}
	peers := make(map[object.NodeID]string)
	for _, p := range proxied {
		name, address, _ := strings.Cut(p, "=")
		peers[object.NodeID(name)] = address
	}
	var nodes []*cluster.Transport
	heard := make(chan object.NodeID, 10)
	for i, name := range names {
		node, err := cluster.Listen(listeners[i], cluster.Config{Node: object.NodeID(name), Cluster: "test", Peers: peers})
		if err != nil {
			t.Fatal(err)
		}
		defer node.Close()
		node.Handle(1, func(_ context.Context, from object.NodeID, req []byte) ([]byte, error) {
			heard <- from
			return req, nil
		})
		nodes = append(nodes, node)
	}
	call := func(from *cluster.Transport, to object.NodeID, limit time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		_, err := from.Call(ctx, to, 1, []byte("x"))
		return err
	}
	for i := range 4 { // a transport opens two connections to a peer
		from := i % 2
		if err := call(nodes[from], object.NodeID(names[1-from]), 10*time.Second); err != nil {
			t.Fatal(err)
		}
		<-heard
	}
	n.cut("a", "b")
	if err := call(nodes[0], "b", 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call through a cut link: %v", err)
	}
	select {
	case from := <-heard:
		t.Errorf("%s was heard through a cut link", from)
	default:
	}
	if err := call(nodes[1], "a", 50*time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call whose answer is held up: %v", err)
	}
	select {
	case from := <-heard:
		if from != "b" {
			t.Errorf("%s was heard, want b: its link is whole", from)
		}
	case <-time.After(10 * time.Second):
		t.Error("b was not heard: its link is whole")
	}
	n.mend(false)
	if err := call(nodes[0], "b", 10*time.Second); err != nil {
		t.Errorf("a call through a mended link: %v", err)
	}
}

package cluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// pair starts transports a and b that know each other.
func pair(t testing.TB) (a, b *Transport) {
	t.Helper()
	la, lb := listen(t), listen(t)
	peers := map[object.NodeID]string{"a": la.Addr().String(), "b": lb.Addr().String()}
	a, err := Listen(la, Config{Node: "a", Cluster: "test", Peers: peers})
	if err != nil {
		t.Fatal(err)
	}
	b, err = Listen(lb, Config{Node: "b", Cluster: "test", Peers: peers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func echo(_ context.Context, from object.NodeID, req []byte) ([]byte, error) {
	return append([]byte(from+":"), req...), nil
}

func TestCallReachesPeerAndSelf(t *testing.T) {
	a, b := pair(t)
	a.Handle(1, echo)
	b.Handle(1, echo)
	for _, to := range []object.NodeID{"a", "b"} {
		got, err := a.Call(context.Background(), to, 1, []byte("hi"))
		if err != nil || string(got) != "a:hi" {
			t.Errorf("call to %s: %q, %v", to, got, err)
		}
	}
}

func TestErrorsKeepTheirTypes(t *testing.T) {
	a, b := pair(t)
	want := pgerror.New(pgerror.UniqueViolation, "duplicate key").WithDetail("Key (id)=(1) already exists.")
	errs := []error{want, &NotLeader{Leader: "c"}, ErrOverloaded, errors.New("plain"), ErrInterrupted}
	b.Handle(1, func(_ context.Context, _ object.NodeID, req []byte) ([]byte, error) {
		return nil, errs[req[0]]
	})
	b.Handle(2, func(context.Context, object.NodeID, []byte) ([]byte, error) { panic("boom") })
	call := func(method uint16, i byte) error {
		_, err := a.Call(context.Background(), "b", method, []byte{i})
		return err
	}
	if got := pgerror.As(call(1, 0)); got == nil || *got != *want {
		t.Errorf("got %v, want %v", got, want)
	}
	var nl *NotLeader
	if !errors.As(call(1, 1), &nl) || nl.Leader != "c" {
		t.Errorf("got %v, want NotLeader c", nl)
	}
	if err := call(1, 2); !errors.Is(err, ErrOverloaded) {
		t.Errorf("got %v, want ErrOverloaded", err)
	}
	var remote *RemoteError
	if err := call(1, 3); !errors.As(err, &remote) || remote.Message != "plain" {
		t.Errorf("got %v, want RemoteError", err)
	}
	if err := call(1, 4); !errors.Is(err, ErrInterrupted) {
		t.Errorf("got %v, want ErrInterrupted", err)
	}
	if err := call(2, 0); !errors.As(err, &remote) || !strings.Contains(remote.Message, "internal error") {
		t.Errorf("a panic in a handler gave %v", err)
	}
	if err := call(99, 0); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "0x0063") {
		t.Errorf("an unknown method gave %v", err)
	}
}

func TestCancelReachesHandler(t *testing.T) {
	a, b := pair(t)
	ended := make(chan error, 1)
	started := make(chan struct{})
	b.Handle(1, func(ctx context.Context, _ object.NodeID, _ []byte) ([]byte, error) {
		close(started)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-started; cancel() }()
	_, err := a.Call(ctx, "b", 1, nil)
	if !errors.Is(err, ErrInterrupted) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want ErrInterrupted and context.Canceled", err)
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("the handler was not cancelled")
	}
}

func TestNetsplitInterruptsAndHeals(t *testing.T) {
	a, b := pair(t)
	entered := make(chan struct{})
	b.Handle(1, func(ctx context.Context, _ object.NodeID, _ []byte) ([]byte, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	b.Handle(2, echo)
	result := make(chan error, 1)
	go func() {
		_, err := a.Call(context.Background(), "b", 1, nil)
		result <- err
	}()
	<-entered
	a.SetFilter(func(object.NodeID) bool { return false })
	if err := <-result; !errors.Is(err, ErrInterrupted) {
		t.Errorf("a call under way: %v, want ErrInterrupted", err)
	}
	if _, err := a.Call(context.Background(), "b", 2, nil); !errors.Is(err, ErrUnreachable) {
		t.Errorf("a call during the netsplit: %v, want ErrUnreachable", err)
	}
	a.SetFilter(nil)
	deadline := time.Now().Add(10 * time.Second)
	for {
		if _, err := a.Call(context.Background(), "b", 2, nil); err == nil {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("no call succeeds after the netsplit: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestStrangersAreTurnedAway(t *testing.T) {
	a, b := pair(t)
	_ = a
	for name, h := range map[string]hello{
		"cluster": {cluster: "other", from: "a", to: "b", purpose: purposeCalls},
		"node":    {cluster: "test", from: "a", to: "c", purpose: purposeCalls},
		"unknown": {cluster: "test", from: "z", to: "b", purpose: purposeCalls},
		"stream":  {cluster: "test", from: "a", to: "b", purpose: "nothing"},
	} {
		conn, err := net.Dial("tcp", b.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := greet(conn, h); err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%s: got %v, want a refusal with its reason", name, err)
		}
		conn.Close()
	}
	conn, err := net.Dial("tcp", b.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\n\r\n")
	if answer, _ := io.ReadAll(conn); !bytes.Contains(answer, []byte("not a connection of an ssmr node")) {
		t.Errorf("rubbish was answered with %q", answer)
	}
}

func TestStream(t *testing.T) {
	a, b := pair(t)
	b.HandleStream("copy", func(_ context.Context, _ object.NodeID, conn net.Conn) {
		defer conn.Close()
		_, _ = io.Copy(conn, conn)
	})
	conn, err := a.DialStream(context.Background(), "b", "copy")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	want := bytes.Repeat([]byte("x"), 1<<20)
	go conn.Write(want)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("stream returned other bytes, %v", err)
	}
}

func TestManyCallersShareConnections(t *testing.T) {
	a, b := pair(t)
	b.Handle(1, echo)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for j := range 100 {
				req := fmt.Sprintf("%d/%d/%s", i, j, strings.Repeat("y", j*50))
				got, err := a.Call(context.Background(), "b", 1, []byte(req))
				if err != nil || string(got) != "a:"+req {
					t.Errorf("call %d/%d: %v", i, j, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func FuzzReadFrame(f *testing.F) {
	f.Add(appendFrame(nil, frameRequest, 7, []byte("body")))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _, _ = readFrame(bufioReader(b))
		_, _ = readHello(bytes.NewReader(b))
		_ = decodeError("n", b).Error()
	})
}

func BenchmarkCall(b *testing.B) {
	x, y := pair(b)
	y.Handle(1, echo)
	req := make([]byte, 64)
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := x.Call(context.Background(), "b", 1, req); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func bufioReader(b []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(b)) }

// A peer that accepts and says nothing, as a stopped process does, must not hold
// up callers beyond their context, nor Close.
func TestSilentPeer(t *testing.T) {
	silent := listen(t)
	defer silent.Close()
	l := listen(t)
	a, err := Listen(l, Config{Node: "a", Cluster: "test", Peers: map[object.NodeID]string{
		"a": l.Addr().String(), "b": silent.Addr().String(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			start := time.Now()
			if _, err := a.Call(ctx, "b", 1, nil); !errors.Is(err, ErrUnreachable) {
				t.Errorf("got %v, want ErrUnreachable", err)
			}
			if took := time.Since(start); took > dialTimeout {
				t.Errorf("a call with 50 ms took %s", took)
			}
		})
	}
	wg.Wait()
	// And one that connects to us and says nothing.
	conn, err := net.Dial("tcp", a.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	start := time.Now()
	a.Close()
	if took := time.Since(start); took > handshakeTimeout/2 {
		t.Errorf("Close took %s", took)
	}
	if _, err := a.Call(context.Background(), "b", 1, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close a call gave %v", err)
	}
}

// A handler that ends its goroutine does not take the connection with it.
func TestHandlerThatEndsItsGoroutine(t *testing.T) {
	a, b := pair(t)
	b.Handle(1, func(context.Context, object.NodeID, []byte) ([]byte, error) { runtime.Goexit(); return nil, nil })
	b.Handle(2, echo)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := a.Call(ctx, "b", 1, nil); err == nil {
		t.Error("a call without an answer gave no error")
	}
	if _, err := a.Call(context.Background(), "b", 2, nil); err != nil {
		t.Error(err)
	}
}

func BenchmarkCallAlone(b *testing.B) {
	x, y := pair(b)
	y.Handle(1, echo)
	req := make([]byte, 64)
	for b.Loop() {
		if _, err := x.Call(context.Background(), "b", 1, req); err != nil {
			b.Fatal(err)
		}
	}
}

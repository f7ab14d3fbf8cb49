package host

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ssmr/ssmr/plugins/placement"
	"github.com/ssmr/ssmr/plugins/placement/placementpb"
)

// idle is the number of conversations with the program that wait for a question.
func (p *Plugin) idle() int {
	c := &p.proc.Load().talks
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.idle)
}

// Questions that come one after another have one conversation, those at once have one each,
// and not more than some are kept.
func TestConversations(t *testing.T) {
	h := newHost(t, Config{Dir: programs(t, "good", "slow"), CallTimeout: 5 * time.Second})
	p := open(t, h, "good")
	for range 10 {
		if _, err := p.Place(context.Background(), batch()); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.idle(); n != 1 {
		t.Errorf("%d conversations after one question at a time", n)
	}
	p = open(t, h, "slow")
	began := time.Now()
	var asking sync.WaitGroup
	for range 2 * maxIdle {
		asking.Go(func() {
			if _, err := p.Place(context.Background(), batch()); err != nil {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	if took := time.Since(began); took > maxIdle*slowTime {
		t.Errorf("%d questions at once took %s: they have waited for each other", 2*maxIdle, took)
	}
	if n := p.idle(); n != maxIdle {
		t.Errorf("%d conversations are kept, of %d", n, 2*maxIdle)
	}
}

// A question whose asker is gone, one that is refused and one that is answered wrongly end
// their conversations; the next one is answered.
func TestConversationEnds(t *testing.T) {
	h := newHost(t, Config{Dir: programs(t, "hinted"), CallTimeout: 5 * time.Second})
	p := open(t, h, "hinted")
	pid := p.Status().PID
	for _, hint := range []string{"slow", "refuse", "short"} {
		if _, err := p.Place(context.Background(), batch()); err != nil {
			t.Fatal(err)
		}
		b := batch()
		b.Hint = hint
		ctx, cancel := context.WithCancel(context.Background())
		if hint == "slow" {
			time.AfterFunc(slowTime/10, cancel)
		}
		if _, err := p.Place(ctx, b); err == nil || (hint == "refuse") != errors.Is(err, ErrRefused) || (hint == "slow") != errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", hint, err)
		}
		cancel()
		if n := p.idle(); n != 0 {
			t.Errorf("%s: %d conversations are kept", hint, n)
		}
	}
	if _, err := p.Place(context.Background(), batch()); err != nil || p.Status().PID != pid {
		t.Errorf("error %v, process %d, was %d", err, p.Status().PID, pid)
	}
}

// What is not sent again is as it was in the question before, whatever the policy does with
// what it gets; what has changed is sent.
func TestSameAsBefore(t *testing.T) {
	h := newHost(t, Config{Dir: programs(t, "tells"), CallTimeout: 5 * time.Second})
	p := open(t, h, "tells")
	b, options := batch(), placement.Options{"color": "red"}
	for _, change := range []func(){
		func() {},
		func() {},
		func() { b.Table.Name = "other" },
		func() { b.Table.Columns = append(b.Table.Columns, placement.Column{Name: "country", Type: "text"}) },
		func() { b.Table.Key = []string{"country"} },
		func() { options = placement.Options{"color": "blue"} },
		func() { options = nil },
		func() {},
		func() { b.Partitions[1].Objects = 7 },
		func() { b.Partitions[2].Labels = map[string]string{"region": "eu"} },
		func() { b.Partitions[2].Labels = map[string]string{"region": "us"} },
		func() { b.Partitions = b.Partitions[:2] },
		func() { b.Partitions[0].Closed = true },
		func() {},
	} {
		change()
		answer, err := p.Ask(context.Background(), Question{Options: options, Batch: b})
		want := fmt.Sprintf("%s %v of %s %v, %v", options["color"], b.Table.Columns, b.Table.Name, b.Table.Key, b.Partitions)
		if err != nil || answer.Placements[0].Reason != want {
			t.Errorf("the policy was told %q, want %q, error %v", answer.Placements[0].Reason, want, err)
		}
	}
	if n := p.idle(); n != 1 {
		t.Errorf("%d conversations", n)
	}
}

// oldPolicy is a client of a program that does not know PlaceMany, or ends it early.
type oldPolicy struct {
	placementpb.PolicyClient
	placed int
	err    error // of PlaceMany
}

func (o *oldPolicy) Place(context.Context, *placementpb.PlaceRequest, ...grpc.CallOption) (*placementpb.PlaceResponse, error) {
	o.placed++
	return &placementpb.PlaceResponse{Partitions: []uint32{1}}, nil
}

func (o *oldPolicy) PlaceMany(context.Context, ...grpc.CallOption) (grpc.BidiStreamingClient[placementpb.PlaceRequest, placementpb.PlaceResponse], error) {
	return nil, o.err
}

// A program that does not know PlaceMany is asked by Place.
func TestWithoutConversations(t *testing.T) {
	old := &oldPolicy{err: status.Error(codes.Unimplemented, "unknown method PlaceMany")}
	c := conversations{policy: old}
	for range 3 {
		if _, err := c.place(context.Background(), &Question{Batch: batch()}); err != nil {
			t.Fatal(err)
		}
	}
	if old.placed != 3 || !c.none {
		t.Errorf("%d calls of Place", old.placed)
	}
	down := conversations{policy: &oldPolicy{err: status.Error(codes.Unavailable, "")}}
	if _, err := down.place(context.Background(), &Question{Batch: batch()}); status.Code(err) != codes.Unavailable || down.none {
		t.Errorf("error %v", err)
	}
}

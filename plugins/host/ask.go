package host

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ssmr/ssmr/plugins/placement/placementpb"
)

// maxIdle bounds the conversations with a program that are kept for further questions.
const maxIdle = 16

// conversations are with one program: each question has one to itself, so that none waits
// for the answer to another, and what goes wrong in one ends that one alone.
type conversations struct {
	policy placementpb.PolicyClient

	mu   sync.Mutex // guards what follows
	idle []*conversation
	none bool // the program does not know them
}

// place asks where new objects are to live. Its errors are those of a call, also where ctx
// ends.
func (c *conversations) place(ctx context.Context, q *placementpb.PlaceRequest) (*placementpb.PlaceResponse, error) {
	talk := c.take()
	if talk == nil {
		return c.policy.Place(ctx, q)
	}
	stop := context.AfterFunc(ctx, talk.end)
	answer, err := talk.ask(c.policy, q)
	ended := !stop()
	if err == nil && !ended && len(answer.GetPartitions()) == len(q.GetObjects().GetHomes()) {
		c.put(talk)
		return answer, nil
	}
	talk.end()
	switch {
	case err == nil:
		return answer, nil
	case ended:
		return nil, status.FromContextError(ctx.Err()).Err()
	case status.Code(err) != codes.Unimplemented:
		return nil, err
	}
	c.mu.Lock()
	c.none = true
	c.mu.Unlock()
	return c.policy.Place(ctx, q)
}

// take returns a conversation that nobody else has; nil where there are to be none.
func (c *conversations) take() *conversation {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.none {
		return nil
	}
	if n := len(c.idle); n > 0 {
		talk := c.idle[n-1]
		c.idle = c.idle[:n-1]
		return talk
	}
	talk := new(conversation)
	talk.ctx, talk.end = context.WithCancel(context.Background())
	return talk
}

// put keeps a conversation for the next question.
func (c *conversations) put(talk *conversation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.idle) >= maxIdle {
		talk.end()
		return
	}
	c.idle = append(c.idle, talk)
}

// conversation is one call of PlaceMany. It ends with its end, or with the connection.
type conversation struct {
	ctx    context.Context
	end    context.CancelFunc
	stream grpc.BidiStreamingClient[placementpb.PlaceRequest, placementpb.PlaceResponse] // nil before the first question
}

func (t *conversation) ask(policy placementpb.PolicyClient, q *placementpb.PlaceRequest) (answer *placementpb.PlaceResponse, err error) {
	if t.stream == nil {
		if t.stream, err = policy.PlaceMany(t.ctx); err != nil {
			return nil, err
		}
	}
	if err := t.stream.Send(q); err != nil && !errors.Is(err, io.EOF) { // io.EOF: Recv knows why
		return nil, err
	}
	answer, err = t.stream.Recv()
	if errors.Is(err, io.EOF) {
		err = status.Error(codes.Internal, "it ended without an answer")
	}
	return answer, err
}

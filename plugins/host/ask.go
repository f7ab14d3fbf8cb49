package host

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ssmr/ssmr/plugins/placement"
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
func (c *conversations) place(ctx context.Context, q *Question) (*placementpb.PlaceResponse, error) {
	talk := c.take()
	if talk == nil {
		return c.policy.Place(ctx, q.Batch.Message(q.Options, q.Columns))
	}
	stop := context.AfterFunc(ctx, talk.end)
	answer, err := talk.ask(c.policy, q)
	ended := !stop()
	if err == nil && !ended && len(answer.GetPartitions()) == len(q.Batch.Objects) {
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
	return c.policy.Place(ctx, q.Batch.Message(q.Options, q.Columns))
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

	// Of the question before: what is the same is not sent again.
	table      placement.Table
	options    placement.Options
	partitions []placement.Partition
}

// message is a question as it is sent after the one before.
func (t *conversation) message(q *Question) *placementpb.PlaceRequest {
	b := q.Batch
	m := b.ObjectsMessage(q.Columns)
	if t.partitions == nil || !sameTable(&t.table, b.Table) || !maps.Equal(t.options, q.Options) {
		t.table = placement.Table{Name: b.Table.Name, Columns: slices.Clone(b.Table.Columns), Key: slices.Clone(b.Table.Key)}
		t.options = maps.Clone(q.Options)
		m.Table, m.Options = b.Table.Message(), q.Options
	}
	if !slices.EqualFunc(t.partitions, b.Partitions, samePartition) {
		t.partitions = slices.Clone(b.Partitions)
		m.Partitions = b.PartitionsMessage()
	}
	return m
}

func sameTable(a, b *placement.Table) bool {
	return a.Name == b.Name && slices.Equal(a.Columns, b.Columns) && slices.Equal(a.Key, b.Key)
}

func samePartition(a, b placement.Partition) bool {
	return a.ID == b.ID && a.Objects == b.Objects && a.Bytes == b.Bytes && a.CommandsPerSecond == b.CommandsPerSecond &&
		a.Closed == b.Closed && maps.Equal(a.Labels, b.Labels)
}

func (t *conversation) ask(policy placementpb.PolicyClient, q *Question) (answer *placementpb.PlaceResponse, err error) {
	if t.stream == nil {
		if t.stream, err = policy.PlaceMany(t.ctx); err != nil {
			return nil, err
		}
	}
	if err := t.stream.Send(t.message(q)); err != nil && !errors.Is(err, io.EOF) { // io.EOF: Recv knows why
		return nil, err
	}
	answer, err = t.stream.Recv()
	if errors.Is(err, io.EOF) {
		err = status.Error(codes.Internal, "it ended without an answer")
	}
	return answer, err
}

package registry

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/placement"
)

const (
	// togetherCalls are under way at once before questions wait for each other. (With 16
	// clients, 2 had a fifth less throughput: what a call costs is the call, not its objects.)
	togetherCalls = 1
	// togetherObjects and togetherBytes bound what goes out together. A question that is more
	// than an eighth of that goes out by itself, at once. togetherWaiting bounds the questions
	// that wait.
	togetherObjects = 256
	togetherBytes   = 256 << 10
	togetherWaiting = 4096
)

// together asks a program: while some calls are under way, small questions that are alike
// but for their objects wait, and go out as one. A call costs the same for one object as
// for dozens, and waits as long on a busy machine. Each question keeps its own deadline.
type together struct {
	mu      sync.Mutex // guards what follows
	waiting []*question
	calls   int // under way
}

// question is what one statement asks.
type question struct {
	host.Question
	ask    func(context.Context, host.Question) (host.Answer, error)
	of     *described // those that are alike are of one table, in one version, with one hint, to one program
	ctx    context.Context
	size   int // bytes of its objects
	answer host.Answer
	err    error
	done   chan struct{} // closed when answer and err are set
}

func (q *question) objects() int { return len(q.Batch.Objects) }

// small reports whether the question may go out with others.
func (q *question) small() bool {
	return !q.Replace && !q.Batch.DryRun && q.objects() <= togetherObjects/8 && q.size <= togetherBytes/8
}

func (q *question) alike(other *question) bool {
	return q.of == other.of && q.To == other.To && q.Batch.Hint == other.Batch.Hint
}

// do asks a question.
func (t *together) do(ctx context.Context, q *question) (host.Answer, error) {
	for i := range q.Batch.Objects {
		q.size += sizeOf(&q.Batch.Objects[i])
	}
	if !q.small() {
		return q.ask(ctx, q.Question)
	}
	t.mu.Lock()
	switch {
	case t.calls < togetherCalls:
		t.calls++
		t.mu.Unlock()
		defer t.next()
		return q.ask(ctx, q.Question)
	case len(t.waiting) >= togetherWaiting:
		t.mu.Unlock()
		return host.Answer{}, errors.New("too many questions wait for it")
	}
	q.ctx, q.done = ctx, make(chan struct{})
	t.waiting = append(t.waiting, q)
	t.mu.Unlock()
	select {
	case <-q.done:
		return q.answer, q.err
	case <-ctx.Done():
		t.mu.Lock()
		defer t.mu.Unlock()
		if i := slices.Index(t.waiting, q); i >= 0 {
			t.waiting = slices.Delete(t.waiting, i, i+1)
		}
		return host.Answer{}, context.Cause(ctx)
	}
}

// next begins the next call, in the place of one that has ended.
func (t *together) next() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		t.calls--
		return
	}
	first := t.waiting[0]
	var taken []*question
	objects, size := 0, 0
	t.waiting = slices.DeleteFunc(t.waiting, func(q *question) bool {
		if !q.alike(first) || objects+q.objects() > togetherObjects || size+q.size > togetherBytes {
			return false
		}
		objects, size = objects+q.objects(), size+q.size
		taken = append(taken, q)
		return true
	})
	go func() { // ends with the program's deadline for a call
		defer t.next()
		askTogether(taken)
	}()
}

// askTogether asks questions that are alike in one call. Where that fails, one of them may
// be what the policy refuses: each that has time left is asked by itself.
func askTogether(questions []*question) {
	first := questions[0]
	batch := *first.Batch
	batch.Objects = nil
	for _, q := range questions {
		batch.Objects = append(batch.Objects, q.Batch.Objects...)
	}
	said, err := first.ask(context.Background(), host.Question{Options: first.Options, Batch: &batch, Columns: first.Columns, To: first.To})
	for _, q := range questions {
		n := q.objects()
		switch {
		case err == nil:
			q.answer = host.Answer{Placements: said.Placements[:n:n], Version: said.Version}
			said.Placements = said.Placements[n:]
		case len(questions) > 1 && q.ctx.Err() == nil:
			q.answer, q.err = q.ask(q.ctx, q.Question)
		default:
			q.err = err
		}
		close(q.done)
	}
}

// sizeOf is about what an object takes in a question.
func sizeOf(o *placement.Object) int {
	size := 0
	for _, v := range o.Values {
		size += len(v.Text)
	}
	return size
}

package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/placement"
)

const (
	// callObjects and callBytes bound what a program is asked in one call; what is more is
	// asked in several.
	callObjects = 4096
	callBytes   = 4 << 20
)

// errWrong is the reason of an answer that does not fit the question.
var errWrong = errors.New("its answer does not fit the question")

// Place has a table's policy choose partitions for objects. Where it does not answer,
// or not rightly, the table's fall-back places those that are new, and the others stay.
func (r *Registry) Place(ctx context.Context, request execute.PlaceRequest) (execute.Places, error) {
	return r.choose(ctx, &request, false)
}

// Replace has a table's policy say where objects are to live that have changed. Where
// it does not answer, or not rightly, they stay.
func (r *Registry) Replace(ctx context.Context, request execute.PlaceRequest) (execute.Places, error) {
	if !r.replaces(request.Table) {
		return execute.Places{Partitions: request.Current, Policy: request.Table.Placement.Policy}, nil
	}
	return r.choose(ctx, &request, true)
}

// choosing is one request on its way.
type choosing struct {
	r       *Registry
	request *execute.PlaceRequest
	view    *view
	tally   *tally // of the policy; nil where this node does not know it
	version string

	out    execute.Places
	wrong  bool   // that an answer was no partition
	why    string // that the policy's answer was not used, of the first object
	fell   int    // objects that the fall-back has placed
	stayed int    // objects that stay because the policy's answer was not used
}

func (r *Registry) choose(ctx context.Context, request *execute.PlaceRequest, replace bool) (execute.Places, error) {
	c := &choosing{r: r, request: request, view: r.view(request)}
	n := len(request.Rows)
	c.out = execute.Places{Partitions: make([]object.PartitionID, n), Reasons: make([]string, n), Policy: request.Table.Placement.Policy}
	answers, err := c.ask(ctx, replace)
	if ctx.Err() != nil {
		return execute.Places{}, context.Cause(ctx)
	}
	for i := range n {
		if i >= len(answers) {
			err := c.without(i, err.Error())
			if err != nil {
				return execute.Places{}, err
			}
			continue
		}
		if err := c.take(i, answers[i]); err != nil {
			return execute.Places{}, err
		}
	}
	c.finish()
	return c.out, nil
}

// ask asks the policy. Where it answers for fewer objects than there are, which are the
// first, the error says why.
func (c *choosing) ask(ctx context.Context, replace bool) ([]placement.Placement, error) {
	t := c.request.Table
	d, err := c.r.describe(t)
	if err != nil {
		return nil, err
	}
	batch := placement.Batch{Table: &d.table, Partitions: c.view.partitions, Hint: c.request.Hint, DryRun: c.request.DryRun}
	if d.builtin != nil {
		c.tally = &c.r.builtin[t.Placement.Policy].tally
		batch.Objects = describeObjects(c.request, d.reads, nil)
		return c.call(ctx, func(ctx context.Context) ([]placement.Placement, error) {
			c.version = d.builtin.Version()
			return askBuiltin(ctx, d.builtin, &batch, replace)
		})
	}
	p := c.r.program(t.Placement.Policy)
	if p == nil {
		return nil, errors.New("this node does not know it yet")
	}
	c.tally = &p.tally
	plugin, err := p.now(ctx)
	if plugin == nil {
		c.count(1, 1)
		return nil, fmt.Errorf("it does not run on this node: %w", err)
	}
	about := question{Question: host.Question{Options: t.Placement.Options, Batch: &batch, Replace: replace}, ask: plugin.Ask, of: d}
	if a := c.r.reads(t, plugin); a != nil {
		about.Columns, about.To = a.reads, a.by
		var all []placement.Placement
		if a.objectwise && !replace && c.request.Current == nil && !c.request.DryRun {
			all, err = c.askOnce(ctx, p, &about)
		} else {
			all, err = c.askProgram(ctx, p, &about, describeObjects(c.request, a.reads, nil))
		}
		if !errors.Is(err, host.ErrAnother) { // which may read other columns
			return all, err
		}
		about.Columns, about.To = nil, 0
	}
	return c.askProgram(ctx, p, &about, describeObjects(c.request, nil, nil))
}

// askProgram asks a program about objects, in as many questions as it takes.
func (c *choosing) askProgram(ctx context.Context, p *program, about *question, objects []placement.Object) ([]placement.Placement, error) {
	var all []placement.Placement
	for _, part := range parts(objects) {
		batch := *about.Batch
		batch.Objects = part
		answers, err := c.call(ctx, func(ctx context.Context) ([]placement.Placement, error) {
			q := *about
			q.Batch = &batch
			answer, err := p.together.do(ctx, &q)
			if q.Replace && errors.Is(err, host.ErrUnimplemented) {
				return make([]placement.Placement, len(part)), nil // 0: they stay
			}
			if err == nil {
				c.version = answer.Version
			}
			return answer.Placements, err
		})
		if err != nil {
			return all, err
		}
		all = append(all, answers...)
	}
	return all, nil
}

// askBuiltin asks a policy that is built in.
func askBuiltin(ctx context.Context, policy placement.Policy, b *placement.Batch, replace bool) ([]placement.Placement, error) {
	ask := policy.Place
	if replace {
		replacer, ok := policy.(placement.Replacer)
		if !ok {
			return make([]placement.Placement, len(b.Objects)), nil // 0: they stay
		}
		ask = replacer.Replace
	}
	answers, err := ask(ctx, b)
	if err == nil && len(answers) != len(b.Objects) {
		err = errWrong
	}
	for i := range answers {
		answers[i].Reason = host.Clip(answers[i].Reason, host.MaxReason) // the host does it for programs
	}
	return answers, err
}

// parts divides objects into what is asked in one call.
func parts(objects []placement.Object) [][]placement.Object {
	var out [][]placement.Object
	first, bytes := 0, 0
	for i, o := range objects {
		size := sizeOf(&o)
		if i > first && (i-first >= callObjects || bytes+size > callBytes) {
			out = append(out, objects[first:i])
			first, bytes = i, 0
		}
		bytes += size
	}
	return append(out, objects[first:])
}

// call makes one call of a policy, within its deadline, and counts it.
func (c *choosing) call(ctx context.Context, f func(context.Context) ([]placement.Placement, error)) ([]placement.Placement, error) {
	// The host keeps the deadline of a program's call, and counts it against the program
	// where that is missed. This one is for what waits for calls of others.
	limit := c.r.cfg.CallTimeout
	limited, cancel := context.WithTimeout(ctx, limit+limit/4)
	defer cancel()
	began := time.Now()
	answers, err := f(limited)
	took := time.Since(began)
	if errors.Is(err, host.ErrAnother) {
		return nil, err // nobody was asked
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fmt.Errorf("the policy did not answer within %s", limit)
	}
	failed := 0
	if err != nil && ctx.Err() == nil {
		failed = 1
	}
	c.count(1, failed)
	c.tally.took(took)
	return answers, err
}

func (c *choosing) count(calls, failed int) {
	for _, t := range []*tally{c.tally, &c.r.total} {
		t.calls.Add(int64(calls))
		t.errors.Add(int64(failed))
	}
}

// take takes the policy's answer for an object, if it holds.
func (c *choosing) take(i int, answer placement.Placement) error {
	to, current := object.PartitionID(answer.Partition), c.current(i)
	switch {
	case current != 0 && (to == 0 || to == current):
		c.out.Partitions[i], c.out.Reasons[i] = current, answer.Reason
		return nil
	case to == 0 || c.view.snap.Partition(to) == nil:
		c.wrong = true
		return c.without(i, fmt.Sprintf("it chose partition %d, which does not exist", to))
	}
	if why, ok := c.view.allows(to, c.bytes(i)); !ok {
		return c.without(i, fmt.Sprintf("it chose partition %d, but %s", to, why))
	}
	c.out.Partitions[i], c.out.Reasons[i] = to, answer.Reason
	return nil
}

// without places an object without the policy.
func (c *choosing) without(i int, why string) error {
	if c.why == "" {
		c.why = why
	}
	if current := c.current(i); current != 0 {
		c.stayed++
		c.out.Partitions[i] = current
		return nil
	}
	to, err := c.view.fallBack(c.request, i)
	if err != nil {
		return err
	}
	c.fell++
	c.out.Partitions[i] = to
	c.out.Reasons[i] = host.Clip(fmt.Sprintf("fall-back %s, for policy %s: %s", fallback(c.request.Table), c.request.Table.Placement.Policy, why), host.MaxReason)
	return nil
}

func (c *choosing) current(i int) object.PartitionID {
	if c.request.Current == nil {
		return 0
	}
	return c.request.Current[i]
}

// bytes is what an object takes; 0 where it is new.
func (c *choosing) bytes(i int) int64 {
	if c.request.Bytes == nil {
		return 0
	}
	return c.request.Bytes[i]
}

// finish says who chose, and what the client and the log are to hear.
func (c *choosing) finish() {
	c.out.Version = c.version
	if c.wrong {
		c.count(0, 1)
	}
	policy, total := c.request.Table.Placement.Policy, len(c.request.Rows)
	if c.fell > 0 && c.fell == total {
		c.out.Policy, c.out.Version = fallback(c.request.Table), builtinVersion(c.r, fallback(c.request.Table))
	}
	if c.why == "" {
		return
	}
	what := fmt.Sprintf("%d of %d objects were placed by the fall-back %q", c.fell, total, fallback(c.request.Table))
	if c.fell == 0 {
		what = fmt.Sprintf("%d of %d objects stay where they are", c.stayed, total)
	}
	c.out.Notice = fmt.Sprintf("placement policy %q was not followed: %s; %s", policy, c.why, what)
	if c.request.DryRun {
		return
	}
	c.r.total.fallBacks.Add(int64(c.fell))
	if c.tally == nil {
		return
	}
	c.tally.fallBacks.Add(int64(c.fell))
	if since, ok := c.tally.mayLog(time.Now(), c.fell+c.stayed); ok {
		c.r.log.Warn("a placement policy was not followed", "policy", policy, "table", c.request.Table.Name, "reason", c.why, "objects", since)
	}
}

func builtinVersion(r *Registry, name string) string {
	if b := r.builtin[name]; b != nil {
		return b.policy.Version()
	}
	return ""
}

// fallback is the policy that places objects when the table's own does not.
func fallback(t *catalog.Table) string {
	if t.Rules.Fallback != "" {
		return t.Rules.Fallback
	}
	return "hash"
}

// Allowed reports whether a partition may get objects of a table that take about so
// many bytes.
func (r *Registry) Allowed(t *catalog.Table, p object.PartitionID, bytes int64) error {
	v := r.view(&execute.PlaceRequest{Table: t})
	if why, ok := v.allows(p, bytes); !ok {
		return pgerror.New(pgerror.ObjectNotInPrerequisiteState, "objects of table %q cannot be placed in partition %d", t.Name, p).
			WithDetail("%s", sentence(why))
	}
	return nil
}

// sentence makes a sentence of a clause.
func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

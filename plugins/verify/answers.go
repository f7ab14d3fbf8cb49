package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/placement"
)

// attempts is how often a question is asked that a busy machine may have kept a policy
// from answering in time.
const attempts = 3

// ask asks about a batch, and checks what can be checked of any answer.
func (t *trial) ask(ctx context.Context, b *placement.Batch) ([]placement.Placement, error) {
	return t.askOf(b, func() ([]placement.Placement, error) { return placed(t.plugin.Ask(ctx, t.question(b))) })
}

// question is what a database asks about a batch.
func (t *trial) question(b *placement.Batch) host.Question {
	q := host.Question{Options: t.cfg.TableOptions, Batch: b}
	if slices.Equal(b.Table.Columns, t.cfg.Table.Columns) {
		q.Columns = t.reads
	}
	return q
}

func placed(answer host.Answer, err error) ([]placement.Placement, error) {
	return answer.Placements, err
}

func (t *trial) askOf(b *placement.Batch, call func() ([]placement.Placement, error)) ([]placement.Placement, error) {
	answers, err := call()
	for range attempts - 1 {
		if errors.Is(err, host.ErrLate) {
			answers, err = call()
		}
	}
	if err != nil {
		return nil, err
	}
	return answers, exist(b, answers)
}

// exist finds an answer that is no partition.
func exist(b *placement.Batch, placed []placement.Placement) error {
	for i, p := range placed {
		if !slices.ContainsFunc(b.Partitions, func(known placement.Partition) bool { return known.ID == p.Partition }) {
			return fmt.Errorf("it puts object %d in partition %d, which does not exist", i, p.Partition)
		}
	}
	return nil
}

func (t *trial) place(ctx context.Context, objects int) (string, error) {
	placed, err := t.ask(ctx, sample(t.cfg.Table, objects))
	if err != nil {
		return "", err
	}
	if objects == 1 {
		if placed[0].Reason == "" {
			return fmt.Sprintf("in partition %d, and gives no reason for SHOW PLACEMENT HISTORY", placed[0].Partition), nil
		}
		return fmt.Sprintf("in partition %d: %s", placed[0].Partition, placed[0].Reason), nil
	}
	count := make(map[uint32]int)
	for _, p := range placed {
		count[p.Partition]++
	}
	var parts []string
	for _, id := range []uint32{1, 2, 3, 4} {
		parts = append(parts, fmt.Sprintf("%d: %d", id, count[id]))
	}
	return "by partition " + strings.Join(parts, ", "), nil
}

// deadlineCalls is the number of calls that are timed; lateCalls may be late, on a machine
// that has other things to do.
const (
	deadlineCalls = 200
	lateCalls     = 2
)

func (t *trial) deadline(ctx context.Context) (string, error) {
	times := make([]time.Duration, 0, deadlineCalls)
	missed := 0
	for range deadlineCalls {
		began := time.Now()
		_, err := t.plugin.Ask(ctx, t.question(sample(t.cfg.Table, 10)))
		switch {
		case errors.Is(err, host.ErrLate):
			if missed++; missed > lateCalls {
				return "", fmt.Errorf("%d of %d calls took longer than %s", missed, len(times)+1, t.cfg.Deadline)
			}
		case err != nil:
			return "", err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return fmt.Sprintf("p50 %s, p99 %s of %s", times[len(times)/2].Round(10*time.Microsecond),
		times[len(times)*99/100].Round(10*time.Microsecond), t.cfg.Deadline), nil
}

func (t *trial) concurrent(ctx context.Context) (string, error) {
	const callers = 8
	errs := make(chan error, callers)
	for range callers {
		go func() {
			var err error
			for range 25 {
				if _, err = t.ask(ctx, sample(t.cfg.Table, 5)); err != nil {
					break
				}
			}
			errs <- err
		}()
	}
	var err error
	for range callers {
		err = errors.Join(err, <-errs)
	}
	return fmt.Sprintf("%d at once", callers), err
}

// survive asks what a policy may refuse, but must not die or hang of, nor answer wrongly.
func (t *trial) survive(ctx context.Context, b *placement.Batch) (string, error) {
	pid := t.plugin.Status().PID
	_, err := t.ask(ctx, b)
	s := t.plugin.Status()
	switch {
	case errors.Is(err, host.ErrUnavailable), s.PID != pid:
		return "", errors.New("it died")
	case err == nil:
		return "", nil
	case errors.Is(err, host.ErrRefused):
		return firstLine(err), nil
	}
	return "", err
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	if len(line) > 120 {
		line = line[:120] + "..."
	}
	return line
}

func (t *trial) otherTable(ctx context.Context) (string, error) {
	table := t.cfg.Table
	table.Columns = append(slices.Clone(table.Columns), placement.Column{Name: "added_later", Type: "integer"})
	_, err := t.ask(ctx, sample(table, 3))
	return "", err
}

// closed asks where half of the partitions are closed.
func (t *trial) closed(ctx context.Context) (string, error) {
	b := sample(t.cfg.Table, 100)
	for i := range b.Partitions {
		b.Partitions[i].Closed = i%2 == 0
	}
	placed, err := t.ask(ctx, b)
	if err != nil {
		return "", err
	}
	inClosed := 0
	for _, p := range placed {
		if p.Partition%2 == 1 { // ids count from 1
			inClosed++
		}
	}
	if inClosed > 0 {
		return fmt.Sprintf("it gives them %d of 100 objects, which go to the fall-back", inClosed), nil
	}
	return "it leaves them alone", nil
}

// unknownOption gives an option that no policy has.
func (t *trial) unknownOption(ctx context.Context) (string, error) {
	options := make(map[string]string)
	maps.Copy(options, t.cfg.TableOptions)
	options["verify.no_such_option"] = "1"
	_, err := t.plugin.Configure(ctx, options, t.cfg.Table)
	var wrong *placement.OptionError
	switch {
	case err == nil:
		return "", errors.New("it accepts verify.no_such_option")
	case !errors.As(err, &wrong):
		return "", err
	}
	return wrong.Allowed, nil
}

// deterministic asks one copy several times, and another one.
func (t *trial) deterministic(ctx context.Context) (string, error) {
	if !t.plugin.Status().Deterministic {
		return "it does not say so", nil
	}
	first, err := t.ask(ctx, sample(t.cfg.Table, 100))
	if err != nil {
		return "", err
	}
	for range 5 {
		again, err := t.ask(ctx, sample(t.cfg.Table, 100))
		if err != nil {
			return "", err
		}
		if !slices.Equal(first, again) {
			return "", errors.New("the same question gets different answers")
		}
	}
	other, err := t.host.Open(ctx, t.spec)
	if err != nil {
		return "", err
	}
	defer other.Close()
	b := sample(t.cfg.Table, 100)
	copied, err := t.askOf(b, func() ([]placement.Placement, error) { return placed(other.Ask(ctx, t.question(b))) })
	if err == nil && !slices.Equal(first, copied) {
		err = errors.New("two copies of the program answer the same question differently")
	}
	return "the same answer six times, and by a second copy", err
}

// readsNoOthers asks with the values of all columns, and with those that the policy reads.
func (t *trial) readsNoOthers(ctx context.Context) (string, error) {
	switch {
	case t.reads == nil:
		return "it gets all", nil
	case !t.plugin.Status().Deterministic:
		return "it is not deterministic: not tried", nil
	}
	named, err := t.ask(ctx, sample(t.cfg.Table, 100))
	if err != nil {
		return "", err
	}
	q := t.question(sample(t.cfg.Table, 100))
	q.Columns = nil
	all, err := t.askOf(q.Batch, func() ([]placement.Placement, error) { return placed(t.plugin.Ask(ctx, q)) })
	if err == nil && !slices.Equal(named, all) {
		err = errors.New("it answers differently where it gets all columns")
	}
	return "the same answer with all", err
}

// answersObjectwise asks about objects together and one by one.
func (t *trial) answersObjectwise(ctx context.Context) (string, error) {
	switch {
	case !t.objectwise:
		return "it does not say so", nil
	case t.reads == nil:
		return "", errors.New("it says so, and does not name the columns that it reads")
	}
	const objects = 20
	all, err := t.ask(ctx, sample(t.cfg.Table, objects))
	if err != nil {
		return "", err
	}
	for i := range objects {
		b := sample(t.cfg.Table, objects)
		b.Objects = b.Objects[i : i+1]
		one, err := t.ask(ctx, b)
		if err != nil {
			return "", err
		}
		if one[0] != all[i] {
			return "", fmt.Errorf("object %d goes to partition %d (%s) with others, and to %d (%s) by itself", i, all[i].Partition, all[i].Reason, one[0].Partition, one[0].Reason)
		}
	}
	return fmt.Sprintf("the same answers about %d objects together and one by one", objects), nil
}

// content asks again about objects that live where the policy has put them.
func (t *trial) content(ctx context.Context) (string, error) {
	placed, err := t.ask(ctx, sample(t.cfg.Table, 100))
	if err != nil {
		return "", err
	}
	again, err := t.ask(ctx, living(t.cfg.Table, placed))
	if err != nil {
		return "", err
	}
	moved := differences(placed, again)
	switch {
	case moved == 0:
		return "100 of 100 objects stay", nil
	case t.plugin.Status().Deterministic:
		return "", fmt.Errorf("%d of 100 objects are to move at once", moved)
	}
	return fmt.Sprintf("%d of 100 objects are to move at once", moved), nil
}

// replaces asks about objects that live all in one partition and have changed, has them
// moved, and asks again.
func (t *trial) replaces(ctx context.Context) (string, error) {
	if len(t.replace) == 0 {
		return "it is not asked again", nil
	}
	now := make([]placement.Placement, 100)
	for i := range now {
		now[i].Partition = 1
	}
	var moved [2]int
	for round := range moved {
		b := living(t.cfg.Table, now)
		q := t.question(b)
		q.Replace = true
		answers, err := placed(t.plugin.Ask(ctx, q))
		if err != nil {
			return "", err
		}
		for i := range answers {
			if answers[i].Partition == 0 {
				answers[i].Partition = now[i].Partition
			}
		}
		if err := exist(b, answers); err != nil {
			return "", err
		}
		moved[round] = differences(now, answers)
		now = answers
	}
	if moved[1] > 0 {
		return "", fmt.Errorf("%d of 100 objects are to move on at once, when they have arrived", moved[1])
	}
	return fmt.Sprintf("%d of 100 objects move, and stay then", moved[0]), nil
}

// living makes a batch of objects that live somewhere.
func living(table placement.Table, where []placement.Placement) *placement.Batch {
	b := sample(table, len(where))
	for i := range b.Objects {
		b.Objects[i].Current, b.Objects[i].Bytes = where[i].Partition, 100
	}
	return b
}

func differences(a, b []placement.Placement) int {
	n := 0
	for i := range a {
		if a[i].Partition != b[i].Partition {
			n++
		}
	}
	return n
}

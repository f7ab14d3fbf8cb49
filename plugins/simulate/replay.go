package simulate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ssmr/ssmr/internal/trace"
	"github.com/ssmr/ssmr/plugins/placement"
)

// command replays a command: its objects are placed, the partitions that it touches
// counted, and then those objects moved that Replace wants elsewhere.
func (w *world) command(ctx context.Context, l *trace.Line) error {
	if err := w.place(ctx, l); err != nil {
		return err
	}
	touched := make(map[uint32]bool)
	for i := range l.Touches {
		t := &l.Touches[i]
		table := w.tables[t.Table]
		if key, single := single(table, t); single {
			touched[w.objects[objectName(t.Table, key)].partition] = true
		} else if w.fixed(table, t) {
			touched[w.home(table, t.Range)] = true
		} else {
			for _, p := range w.partitions {
				touched[p.ID] = true
			}
		}
	}
	w.touched += int64(len(touched))
	if len(touched) == 1 {
		w.out.Single++
	}
	for i := range w.partitions {
		r := &w.rates[i]
		r.decay(l.At)
		if touched[w.partitions[i].ID] {
			r.weight++
			w.out.Partitions[i].Commands++
		}
		w.partitions[i].CommandsPerSecond = r.weight / rateTime.Seconds()
	}
	if err := w.update(ctx, l); err != nil {
		return err
	}
	for i := range l.Touches {
		if t := &l.Touches[i]; t.Kind == trace.Delete && t.Key != nil {
			name := objectName(t.Table, t.Key)
			if o := w.objects[name]; o != nil {
				w.grow(o.partition, -1, -o.bytes)
				delete(w.objects, name)
			}
		}
	}
	return nil
}

// single returns the key of the one object that is touched; a range that fixes the whole
// key is one.
func single(t *table, touch *trace.Touched) ([]string, bool) {
	if touch.Key != nil {
		return touch.Key, true
	}
	return touch.Range, len(touch.Range) == len(t.Key)
}

// fixed reports whether all objects of a range have one static home.
func (w *world) fixed(t *table, touch *trace.Touched) bool {
	return t.static && len(t.columns) > 0 && slices.Max(t.hashed) < len(touch.Range)
}

// group are objects of one table that are asked about in one call.
type group struct {
	table   *table
	keys    [][]string
	names   []string
	objects []placement.Object
	bytes   []int64
}

// groups gathers objects by their table, in order.
type groups []*group

func (g *groups) of(t *table) *group {
	for _, known := range *g {
		if known.table == t {
			return known
		}
	}
	*g = append(*g, &group{table: t})
	return (*g)[len(*g)-1]
}

func (g *group) add(key []string, name string, o placement.Object, bytes int64) {
	g.keys, g.names = append(g.keys, key), append(g.names, name)
	g.objects, g.bytes = append(g.objects, o), append(g.bytes, bytes)
}

// place places the objects that a command creates, and those that it meets first.
func (w *world) place(ctx context.Context, l *trace.Line) error {
	var created, met groups
	creates := make(map[string]bool)
	for i := range l.Touches {
		if t := &l.Touches[i]; t.Kind == trace.Create {
			creates[objectName(t.Table, t.Key)] = true
		}
	}
	seen := make(map[string]bool)
	for i := range l.Touches {
		t := &l.Touches[i]
		table := w.tables[t.Table]
		if table == nil {
			return fmt.Errorf("the trace does not describe table %d, which a command touches", t.Table)
		}
		key, ok := single(table, t)
		if !ok {
			continue
		}
		if len(key) != len(table.Key) {
			return fmt.Errorf("table %s: a key has %d columns and not %d", table.Name, len(key), len(table.Key))
		}
		name := objectName(t.Table, key)
		if seen[name] || w.objects[name] != nil {
			continue // what exists stays where it is, also where an INSERT meets it (ON CONFLICT)
		}
		if t.Kind == trace.Create {
			seen[name] = true
			created.of(table).add(key, name, placement.Object{Values: valuesOf(table, key, t.Values)}, t.Bytes)
		} else if !creates[name] {
			seen[name] = true
			met.of(table).add(key, name, placement.Object{Values: valuesOf(table, key, nil)}, 0)
		}
	}
	for _, g := range met {
		if err := w.placeGroup(ctx, g, false); err != nil {
			return err
		}
	}
	for _, g := range created {
		if err := w.placeGroup(ctx, g, true); err != nil {
			return err
		}
	}
	return nil
}

// placeGroup places objects of one table.
func (w *world) placeGroup(ctx context.Context, g *group, created bool) error {
	for i := range g.objects {
		g.objects[i].Home = w.home(g.table, g.keys[i])
	}
	var answers []placement.Placement
	var failure error
	if !g.table.static {
		answers, failure = w.ask(ctx, g.table.configured.place, g, created)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for i := range g.objects {
		to := g.objects[i].Home
		switch {
		case g.table.static:
		case failure == nil && w.allowed(g.table, answers[i].Partition):
			to = answers[i].Partition
		default:
			to = w.fallBack(g.table, g.keys[i])
			if created {
				w.out.FallBacks++
			}
			if failure == nil {
				w.failed(fmt.Sprintf("it chose partition %d for an object of %s, which cannot get it", answers[i].Partition, g.table.Name))
			}
		}
		o := &placed{bytes: g.bytes[i], created: created}
		if g.table.replace != nil {
			o.values = g.objects[i].Values
		}
		w.objects[g.names[i]] = o
		w.put(o, to)
		if created {
			w.out.Created++
		} else {
			w.out.Met++
		}
	}
	return nil
}

// callObjects is how many objects a database asks about in one call.
const callObjects = 4096

// ask calls a policy; counted says that a database would have called it, too.
func (w *world) ask(ctx context.Context, f func(context.Context, *placement.Batch) ([]placement.Placement, error), g *group, counted bool) ([]placement.Placement, error) {
	batch := &placement.Batch{Table: &g.table.Table, Partitions: slices.Clone(w.partitions)}
	for i := range batch.Partitions {
		p := &batch.Partitions[i]
		p.Closed = !w.allowed(g.table, p.ID)
	}
	var all []placement.Placement
	for batch.Objects = range slices.Chunk(g.objects, callObjects) {
		began := time.Now()
		answers, err := f(ctx, batch)
		took := time.Since(began)
		if err == nil && len(answers) != len(batch.Objects) {
			err = fmt.Errorf("it gave %d placements for %d objects", len(answers), len(batch.Objects))
		}
		if counted && g.table.policy.program() {
			w.out.Calls++
			w.spent += took
			w.out.Slowest = max(w.out.Slowest, Latency(took))
			if err != nil {
				w.out.FailedCalls++
			}
		}
		if err != nil {
			w.failed(err.Error())
			return nil, err
		}
		all = append(all, answers...)
	}
	return all, nil
}

// failed keeps the first failure, for people.
func (w *world) failed(what string) {
	if w.out.Failure == "" {
		w.out.Failure = what
	}
}

// update asks Replace about objects whose columns have changed.
func (w *world) update(ctx context.Context, l *trace.Line) error {
	var changed groups
	for i := range l.Touches {
		t := &l.Touches[i]
		table := w.tables[t.Table]
		if t.Kind != trace.Update || t.Key == nil || table.replace == nil || len(t.Set) == 0 {
			continue
		}
		name := objectName(t.Table, t.Key)
		o := w.objects[name]
		o.values = slices.Clone(o.values)
		asked := false
		for column, value := range t.Set {
			if c := table.Column(column); c >= 0 && c < len(o.values) {
				o.values[c] = valueOf(value)
				asked = asked || slices.Contains(table.replaceColumns, column)
			}
		}
		g := changed.of(table)
		if asked && !slices.Contains(g.names, name) {
			g.add(t.Key, name, placement.Object{Values: o.values, Home: w.home(table, t.Key), Current: o.partition, Bytes: max(o.bytes, 1)}, o.bytes)
		}
	}
	for _, g := range changed {
		if len(g.objects) == 0 {
			continue
		}
		w.out.Replaced += int64(len(g.objects))
		answers, err := w.ask(ctx, g.table.replace, g, true)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for i := range answers {
			to := answers[i].Partition
			if err != nil || to == 0 || to == g.objects[i].Current || !w.allowed(g.table, to) {
				continue
			}
			w.put(w.objects[g.names[i]], to)
			w.out.Moves++
		}
	}
	return nil
}

// valuesOf are the values of an object as far as they are known: those of its key at least.
func valuesOf(t *table, key []string, recorded []*string) []placement.Value {
	values := make([]placement.Value, len(t.Columns))
	for i := range values {
		values[i].Null = true
		if i < len(recorded) {
			values[i] = valueOf(recorded[i])
		}
	}
	for i, name := range t.Key {
		if c := t.Column(name); c >= 0 {
			values[c] = placement.Value{Text: key[i]}
		}
	}
	return values
}

func valueOf(text *string) placement.Value {
	if text == nil {
		return placement.Value{Null: true}
	}
	return placement.Value{Text: *text}
}

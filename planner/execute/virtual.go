package execute

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/plan"
)

// virtualRows is the stream of a table in schema ssmr. Its rows are made when the
// first one is wanted.
type virtualRows struct {
	e     *Execution
	table *plan.VirtualTable
	kept  *keptRows
}

func (r *virtualRows) next(ctx context.Context) ([]datum.Datum, bool, error) {
	if r.kept == nil {
		made, err := r.e.x.virtual(ctx, r.table)
		if err != nil {
			return nil, false, interrupted(ctx, err)
		}
		r.kept = &keptRows{rows: made}
	}
	return r.kept.next(ctx)
}

func (r *virtualRows) close() {
	if r.kept != nil {
		r.kept.close()
	}
}

// virtual makes the rows of a table in schema ssmr.
func (x *Executor) virtual(ctx context.Context, t *plan.VirtualTable) ([][]datum.Datum, error) {
	in := x.deps.Introspection
	if in == nil {
		return nil, nil
	}
	switch t.Kind {
	case plan.NodesTable:
		return nodeRows(ctx, in)
	case plan.PartitionsTable:
		return partitionRows(ctx, in, x.deps.Catalog.Catalog())
	case plan.TablesTable:
		return tableRows(ctx, in, x.deps.Catalog.Catalog())
	case plan.MovesTable:
		return moveRows(ctx, in, x.deps.Catalog.Catalog())
	case plan.PoliciesTable:
		return policyRows(ctx, in, x.deps.Catalog.Catalog())
	case plan.ReplicasTable:
		return replicaRows(ctx, in)
	case plan.TransactionsTable:
		return transactionRows(ctx, in)
	case plan.LocksTable:
		return lockRows(ctx, in, x.deps.Catalog.Catalog())
	case plan.CountersTable:
		return counterRows(ctx, in)
	case plan.CacheTable:
		s := in.CacheStats()
		return [][]datum.Datum{{
			text(in.Self()), datum.NewInt(s.Entries), datum.NewInt(s.Bytes), datum.NewInt(s.Capacity), datum.NewInt(s.Hits),
			datum.NewInt(s.Misses), datum.NewInt(s.Redirects), datum.NewInt(s.Updates), datum.NewInt(s.Evictions),
		}}, nil
	}
	return nil, internalError("unknown table %q", t.Name)
}

func text[S ~string](s S) datum.Datum { return datum.NewText(string(s)) }

// textOrNull is NULL for an empty text.
func textOrNull[S ~string](s S) datum.Datum {
	if s == "" {
		return datum.Null
	}
	return text(s)
}

func integer[I ~int | ~int32 | ~uint32 | ~uint64](n I) datum.Datum { return datum.NewInt(int64(n)) }

func texts[S ~string](list []S) datum.Datum {
	elems := make([]datum.Datum, len(list))
	for i, s := range list {
		elems[i] = text(s)
	}
	return datum.NewArray(datum.Text, elems)
}

// Micros converts a time to microseconds since 2000-01-01 UTC.
func Micros(t time.Time) int64 { return t.UnixMicro() - postgresEpoch }

// postgresEpoch is 2000-01-01 00:00 UTC in microseconds since 1970.
const postgresEpoch = 946684800 * 1e6

func timeOrNull(t time.Time) datum.Datum {
	if t.IsZero() {
		return datum.Null
	}
	return datum.NewTimestampTZ(Micros(t))
}

func nodeRows(ctx context.Context, in Introspection) ([][]datum.Datum, error) {
	nodes, err := in.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	out := make([][]datum.Datum, len(nodes))
	for i, n := range nodes {
		out[i] = []datum.Datum{
			text(n.Node), textOrNull(n.Address), datum.NewBool(n.Alive), datum.NewBool(n.Node == in.Self()),
			integer(n.Replicas), integer(n.Leads), datum.NewBool(n.LeadsOracle), textOrNull(n.Version), timeOrNull(n.Started),
		}
	}
	return out, nil
}

func partitionRows(ctx context.Context, in Introspection, snap *catalog.Snapshot) ([][]datum.Datum, error) {
	list, err := in.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[object.PartitionID]PartitionStatus, len(list))
	for _, s := range list {
		known[s.Partition] = s
	}
	slots := make(map[object.PartitionID]int)
	for _, l := range snap.Slots {
		slots[l.Partition]++
	}
	out := make([][]datum.Datum, len(snap.Partitions))
	for i, p := range snap.Partitions {
		s := known[p.ID]
		row := []datum.Datum{
			integer(p.ID), textOrNull(s.Leader), texts(p.Replicas), integer(slots[p.ID]),
			datum.Null, datum.Null, datum.Null, datum.Null,
			textOrNull(catalog.FormatLabels(p.Labels)), datum.Null, datum.NewBool(!p.Closed), integer(p.Group),
		}
		if p.Capacity > 0 {
			row[9] = datum.NewInt(p.Capacity)
		}
		if s.Known {
			row[4], row[5] = datum.NewInt(s.Size.Objects), datum.NewInt(s.Size.Bytes)
			row[6], row[7] = datum.NewFloat(s.CommandsPerSecond), integer(s.Applied)
		}
		out[i] = row
	}
	return out, nil
}

func replicaRows(ctx context.Context, in Introspection) ([][]datum.Datum, error) {
	list, err := in.Replicas(ctx)
	if err != nil {
		return nil, err
	}
	out := make([][]datum.Datum, len(list))
	for i, r := range list {
		out[i] = []datum.Datum{integer(r.Partition), text(r.Node), datum.NewBool(r.Leads), datum.Null, datum.Null}
		if r.Known {
			out[i][3], out[i][4] = integer(r.Applied), text(fmt.Sprintf("%016x", r.Checksum))
		}
	}
	return out, nil
}

func tableRows(ctx context.Context, in Introspection, snap *catalog.Snapshot) ([][]datum.Datum, error) {
	sizes, err := in.TableSizes(ctx)
	if err != nil {
		return nil, err
	}
	out := make([][]datum.Datum, 0, len(snap.Tables))
	for _, t := range snap.Tables {
		columns := 0
		for i := range t.Columns {
			if !t.Columns[i].Hidden && !t.Columns[i].Dropped {
				columns++
			}
		}
		key := make([]string, len(t.PrimaryKey))
		for i, c := range t.PrimaryKey {
			key[i] = t.Columns[c].Name
		}
		row := []datum.Datum{
			text(t.Name), integer(t.ID), integer(t.Version), integer(columns), texts(key),
			text(t.Placement.Policy), optionsJSON(t.Placement.Options), datum.NewBool(t.Placement.Static),
			datum.Null, datum.Null,
		}
		if s, ok := sizes[t.ID]; ok {
			row[8], row[9] = datum.NewInt(s.Objects), datum.NewInt(s.Bytes)
		}
		out = append(out, row)
	}
	slices.SortFunc(out, func(a, b []datum.Datum) int { return strings.Compare(a[0].Text(), b[0].Text()) })
	return out, nil
}

func optionsJSON(options map[string]string) datum.Datum {
	if len(options) == 0 {
		return datum.NewJSONB("{}")
	}
	b, err := json.Marshal(options)
	if err != nil {
		return datum.Null
	}
	s, err := datum.NormalizeJSON(string(b))
	if err != nil {
		return datum.Null
	}
	return datum.NewJSONB(s)
}

func moveRows(ctx context.Context, in Introspection, snap *catalog.Snapshot) ([][]datum.Datum, error) {
	moves, err := in.Moves(ctx)
	if err != nil {
		return nil, err
	}
	out := make([][]datum.Datum, len(moves))
	for i, m := range moves {
		name := datum.Null
		if t := snap.Tables[m.Table]; t != nil {
			name = text(t.Name)
		}
		out[i] = []datum.Datum{
			integer(m.Version), name, text(m.State.String()), integer(m.From), integer(m.To),
			integer(m.Objects), integer(m.Moved), timeOrNull(m.Started), timeOrNull(m.Finished), textOrNull(m.Reason),
		}
	}
	return out, nil
}

func policyRows(ctx context.Context, in Introspection, snap *catalog.Snapshot) ([][]datum.Datum, error) {
	policies, err := in.Policies(ctx)
	if err != nil {
		return nil, err
	}
	uses := make(map[string]int)
	for _, t := range snap.Tables {
		uses[t.Placement.Policy]++
	}
	out := make([][]datum.Datum, len(policies))
	for i, p := range policies {
		out[i] = []datum.Datum{
			textOrNull(p.Node), text(p.Name), text(p.Kind), datum.NewBool(p.Static), integer(uses[p.Name]),
			textOrNull(p.Program), textOrNull(p.Version), textOrNull(p.SHA256), text(p.State), textOrNull(p.Error),
			datum.Null, datum.NewInt(p.Calls), datum.NewInt(p.Errors), datum.NewInt(p.FallBacks), datum.NewInt(p.Restarts),
			datum.NewFloat(milliseconds(p.Mean)), datum.NewFloat(milliseconds(p.Slowest)),
		}
		if p.PID > 0 {
			out[i][10] = integer(p.PID)
		}
	}
	return out, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func transactionRows(ctx context.Context, in Introspection) ([][]datum.Datum, error) {
	list, err := in.Transactions(ctx)
	if err != nil {
		return nil, err
	}
	out := make([][]datum.Datum, len(list))
	for i, t := range list {
		state := t.State.String()
		if t.Waiting {
			state = "waiting"
		}
		waits := make([]string, len(t.WaitsFor))
		for k, w := range t.WaitsFor {
			waits[k] = w.String()
		}
		row := []datum.Datum{
			text(t.Transaction.String()), integer(t.Partition), text(state), textOrNull(t.Transaction.Node),
			datum.Null, datum.Null, texts(waits),
		}
		if t.Participants != nil {
			elems := make([]datum.Datum, len(t.Participants))
			for k, p := range t.Participants {
				elems[k] = integer(p)
			}
			row[4] = datum.NewArray(datum.Int4, elems)
		}
		if t.Age >= 0 {
			row[5] = datum.NewInterval(datum.IntervalValue{Micros: t.Age.Microseconds()})
		}
		out[i] = row
	}
	return out, nil
}

func lockRows(ctx context.Context, in Introspection, snap *catalog.Snapshot) ([][]datum.Datum, error) {
	list, err := in.Locks(ctx)
	if err != nil {
		return nil, err
	}
	out := make([][]datum.Datum, len(list))
	for i, l := range list {
		name, key := datum.Null, datum.Null
		if t := snap.Tables[l.Table]; t != nil {
			name, key = text(t.Name), textOrNull(spanText(t, l.Span))
		}
		transaction := datum.Null
		if !l.Transaction.IsZero() {
			transaction = text(l.Transaction.String())
		}
		out[i] = []datum.Datum{integer(l.Partition), name, key, text(l.Mode.String()), transaction, datum.NewBool(l.Granted)}
	}
	return out, nil
}

// spanText is a range of keys as people write it; empty for a whole table.
func spanText(t *catalog.Table, s command.Span) string {
	edge := func(id object.ID) string {
		if id == "" || id.Key() == "" {
			return ""
		}
		return "(" + keyOrHex(t, id) + ")"
	}
	switch {
	case s.End == "" && s.Start != "":
		return edge(s.Start)
	case s.Start == "" || s == plan.TableSpan(t.ID):
		return ""
	case s.End == s.Start+"\x00":
		return edge(s.Start)
	}
	return "from " + edge(s.Start) + " to before " + edge(s.End)
}

// keyOrHex is keyText, or the key's bytes where they are no whole key.
func keyOrHex(t *catalog.Table, id object.ID) string {
	if key := keyText(t, id); key != "" {
		return key
	}
	return fmt.Sprintf("%x", id.Key())
}

func counterRows(ctx context.Context, in Introspection) ([][]datum.Datum, error) {
	list, err := in.Counters(ctx)
	if err != nil {
		return nil, err
	}
	out := make([][]datum.Datum, len(list))
	for i, c := range list {
		out[i] = []datum.Datum{text(c.Node), text(c.Name), datum.NewInt(c.Value)}
	}
	return out, nil
}

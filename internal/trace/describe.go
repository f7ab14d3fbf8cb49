package trace

import (
	"bytes"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
)

// Touch is what Record is told of an object, or of a range of a table.
type Touch struct {
	Table *catalog.Table
	ID    object.ID // empty: a range
	// Start and End are the range, [Start, End); both empty: all of the table.
	Start, End object.ID
	Kind       Kind
	// Values are those of a created object, one for each of Table.Columns; of an updated
	// one, those of the columns that Set lists.
	Values []datum.Datum
	Set    []int
}

// valueBytes bounds a value in a trace.
const valueBytes = 1024

// describe makes what stands in the trace of a touch.
func describe(t *Touch) (Touched, error) {
	out := Touched{Table: uint32(t.Table.ID), Kind: t.Kind}
	if t.ID == "" {
		out.Range = fixed(t)
		return out, nil
	}
	types := t.Table.KeyTypes()
	key, err := datum.DecodeKey([]byte(t.ID.Key()), types)
	if err != nil {
		return out, err
	}
	out.Key = make([]string, len(key))
	for i, d := range key {
		out.Key[i] = datum.TextOf(d, types[i], nil)
	}
	switch t.Kind {
	case Create:
		out.Bytes = rowOverhead
		out.Values = make([]*string, len(t.Values))
		for i, d := range t.Values {
			var size int
			out.Values[i], size = text(d, t.Table.Columns[i].Type)
			out.Bytes += int64(size)
		}
	case Update:
		for i, c := range t.Set {
			if out.Set == nil {
				out.Set = make(map[string]*string, len(t.Set))
			}
			out.Set[t.Table.Columns[c].Name], _ = text(t.Values[i], t.Table.Columns[c].Type)
		}
	}
	return out, nil
}

// rowOverhead is what an object takes beside its values, about.
const rowOverhead = 64

// text returns a value as it stands in a trace, and how long all of it is.
func text(d datum.Datum, typ datum.Type) (*string, int) {
	if d.IsNull() {
		return nil, 0
	}
	b := datum.AppendText(nil, d, typ, nil)
	size := len(b)
	if size > valueBytes {
		b = bytes.ToValidUTF8(b[:valueBytes], nil)
	}
	s := string(b)
	return &s, size
}

// fixed returns the values that all objects of a range have in the first columns of
// their keys.
func fixed(t *Touch) []string {
	if t.Start == "" || t.Start.Table() != t.Table.ID {
		return nil
	}
	var values []string
	types := t.Table.KeyTypes()
	rest := []byte(t.Start.Key())
	for _, typ := range types {
		d, after, err := datum.DecodeKeyPart(rest, typ)
		if err != nil {
			break
		}
		// All keys that begin as Start does up to here come before end.
		prefix := t.Start[:len(t.Start)-len(after)]
		end := datum.PrefixEnd([]byte(prefix))
		if end == nil || t.End == "" || t.End > object.ID(end) {
			break
		}
		values, rest = append(values, datum.TextOf(d, typ, nil)), after
	}
	return values
}

// describeTable makes the line of a table.
func describeTable(t *catalog.Table) *Table {
	out := &Table{
		ID: uint32(t.ID), Name: t.Name, Require: t.Rules.Require,
		Placement: Placement{Policy: t.Placement.Policy, Options: t.Placement.Options, Program: t.Placement.Program, Static: t.Placement.Static},
	}
	for _, c := range t.Columns {
		name := c.Name
		if c.Dropped {
			name = ""
		}
		out.Columns = append(out.Columns, Column{Name: name, Type: c.Type.String()})
	}
	for _, c := range t.PrimaryKey {
		out.Key = append(out.Key, t.Columns[c].Name)
	}
	for _, k := range t.Placement.Columns {
		out.Placement.Columns = append(out.Placement.Columns, out.Key[k])
	}
	return out
}

// describePartitions makes the line of all partitions.
func describePartitions(all []catalog.Partition) []Partition {
	out := make([]Partition, len(all))
	for i, p := range all {
		out[i] = Partition{ID: uint32(p.ID), Labels: p.Labels, Closed: p.Closed}
	}
	return out
}

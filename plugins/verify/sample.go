package verify

import (
	"fmt"
	"strings"

	"github.com/ssmr/ssmr/plugins/placement"
)

// partitions are the four partitions of a trial: two in each of two regions.
func partitions() []placement.Partition {
	list := make([]placement.Partition, 4)
	for i := range list {
		region := "eu"
		if i >= 2 {
			region = "us"
		}
		list[i] = placement.Partition{
			ID: uint32(i + 1), Objects: int64(1000 * (i + 1)), Bytes: int64(100_000 * (i + 1)), CommandsPerSecond: float64(10 * i),
			Labels: map[string]string{"region": region},
		}
	}
	return list
}

// sample makes a batch of objects of a table.
func sample(table placement.Table, objects int) *placement.Batch {
	b := &placement.Batch{Table: &table, Partitions: partitions()}
	for i := range objects {
		o := placement.Object{Home: uint32(i%4 + 1)}
		for _, c := range table.Columns {
			o.Values = append(o.Values, placement.Value{Text: value(c, i)})
		}
		b.Objects = append(b.Objects, o)
	}
	return b
}

// value makes a value for a column, as PostgreSQL writes it.
func value(c placement.Column, i int) string {
	base, _, _ := strings.Cut(c.Type, "(")
	switch base {
	case "smallint", "integer", "bigint", "numeric", "real", "double precision":
		return fmt.Sprint(i + 1)
	case "boolean":
		return []string{"t", "f"}[i%2]
	case "uuid":
		return fmt.Sprintf("00000000-0000-4000-8000-%012x", i)
	case "date":
		return fmt.Sprintf("2026-01-%02d", i%28+1)
	case "timestamp without time zone":
		return fmt.Sprintf("2026-01-%02d 12:00:00", i%28+1)
	case "timestamp with time zone":
		return fmt.Sprintf("2026-01-%02d 12:00:00+00", i%28+1)
	case "json", "jsonb":
		return fmt.Sprintf(`{"n": %d}`, i)
	}
	switch strings.ToLower(c.Name) {
	case "region": // of a partition
		return []string{"eu", "us"}[i%2]
	case "country":
		return []string{"de", "fr", "us", "br", "jp"}[i%5]
	}
	return fmt.Sprintf("%s-%d", c.Name, i%17)
}

// input is a batch that no server should send, but might.
type input struct {
	name  string
	batch *placement.Batch
}

// rubbish makes batches that are strange in one way each.
func rubbish(table placement.Table) []input {
	each := func(objects int, change func(*placement.Batch)) *placement.Batch {
		b := sample(table, objects)
		change(b)
		return b
	}
	all := func(v placement.Value) func(*placement.Batch) {
		return func(b *placement.Batch) {
			for i := range b.Objects {
				for c := range b.Objects[i].Values {
					b.Objects[i].Values[c] = v
				}
			}
		}
	}
	return []input{
		{"nulls everywhere", each(3, all(placement.Value{Null: true}))},
		{"empty texts", each(3, all(placement.Value{}))},
		{"a text of 1 MB", each(1, all(placement.Value{Text: strings.Repeat("x", 1<<20)}))},
		{"odd characters", each(2, all(placement.Value{Text: "\u202e\u0000'\";--\n日本語"}))},
		{"no objects", each(0, func(*placement.Batch) {})},
		{"objects without values", each(3, func(b *placement.Batch) {
			for i := range b.Objects {
				b.Objects[i].Values = nil
			}
		})},
		{"one partition", each(3, func(b *placement.Batch) {
			b.Partitions = b.Partitions[:1]
			for i := range b.Objects {
				b.Objects[i].Home = b.Partitions[0].ID
			}
		})},
		{"partitions without load and labels", each(3, func(b *placement.Batch) {
			for i := range b.Partitions {
				b.Partitions[i] = placement.Partition{ID: b.Partitions[i].ID}
			}
		})},
		{"closed partitions", each(3, func(b *placement.Batch) {
			for i := range b.Partitions {
				b.Partitions[i].Closed = true
			}
		})},
		{"a long hint", each(1, func(b *placement.Batch) { b.Hint = strings.Repeat("hint ", 10_000) })},
	}
}

// ParseTable makes a table of its columns ("id bigint, total numeric(12,2)") and its key
// ("id, tenant"; empty: the first column).
func ParseTable(columns, key string) (placement.Table, error) {
	table := placement.Table{Name: "verify"}
	for _, column := range splitOutside(columns) {
		name, typ, ok := strings.Cut(strings.TrimSpace(column), " ")
		if !ok {
			return table, fmt.Errorf("%q is not a column: its type is missing", strings.TrimSpace(column))
		}
		table.Columns = append(table.Columns, placement.Column{Name: name, Type: strings.TrimSpace(typ)})
	}
	if key == "" {
		key = table.Columns[0].Name
	}
	for name := range strings.SplitSeq(key, ",") {
		if name = strings.TrimSpace(name); table.Column(name) < 0 {
			return table, fmt.Errorf("the column %q of the key does not exist", name)
		}
		table.Key = append(table.Key, name)
	}
	return table, nil
}

// splitOutside splits a text at the commas that are not in parentheses.
func splitOutside(s string) []string {
	var parts []string
	depth, start := 0, 0
	for i, c := range s {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			parts, start = append(parts, s[start:i]), i+1
		}
	}
	return append(parts, s[start:])
}

package plan

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/internal/expr"
)

// types writes what the statement takes and gives.
func (t *text) types(p *Plan) {
	if len(p.Params) > 0 {
		parts := make([]string, len(p.Params))
		for i, typ := range p.Params {
			parts[i] = fmt.Sprintf("$%d %s", i+1, typ)
		}
		t.line(0, "Parameters: %s", strings.Join(parts, ", "))
	}
	for i, h := range p.Hidden {
		t.line(0, "Once for the statement: $%d = %s", len(p.Params)+i+1, expr.Format(h.Expr))
	}
	if p.Columns != nil {
		parts := make([]string, len(p.Columns))
		for i, c := range p.Columns {
			parts[i] = c.Name + " " + c.Type.String()
			if c.Attribute > 0 {
				parts[i] += fmt.Sprintf(" (%d.%d)", c.Table, c.Attribute)
			}
		}
		t.line(0, "Result: %s", strings.Join(parts, ", "))
	}
}

// where writes where the objects are.
func (t *text) where() {
	f := t.facts
	if f.Keys > 0 {
		t.line(0, "Objects named: %d (%d cached, %d asked from the oracle, %d at home)", f.Keys, f.Cached, f.Asked, f.Home)
	}
	for _, o := range f.Objects {
		at := "has no location"
		if !o.Location.IsZero() {
			at = fmt.Sprintf("partition %d", o.Location.Partition)
			if o.Location.Version > 0 {
				at += fmt.Sprintf(", location version %d", o.Location.Version)
			}
		}
		t.line(1, "Object %s: %s (%s)", objectText(o), at, o.From)
	}
	if f.Ranges > 0 {
		t.line(0, "Key ranges: %d", f.Ranges)
	}
	if len(f.Partitions) > 0 {
		parts := make([]string, len(f.Partitions))
		for i, p := range f.Partitions {
			parts[i] = strconv.Itoa(int(p))
		}
		t.line(0, "Partitions: %s (%s)", strings.Join(parts, ", "), t.together())
	}
	t.line(0, "Rounds: %d", f.Rounds)
}

// together says how what is done in several partitions is one step.
func (t *text) together() string {
	if t.facts.Prefix {
		return "home of the prefix"
	}
	if t.facts.Needed <= 1 {
		return "one"
	}
	switch r := t.root.(type) {
	case *Move:
		return "several: found at one instant, moved in batches"
	case *Insert:
		if _, reads := ScanOf(r.Source); reads {
			return "several: read and written at one instant, all or none"
		}
		return "several: all or none"
	case *Modify:
		return "several: all or none"
	}
	return "several: read at one instant"
}

func objectText(o FactObject) string {
	if o.Key != "" {
		return "(" + o.Key + ")"
	}
	return fmt.Sprintf("%x", string(o.ID))
}

// happened writes what EXPLAIN ANALYZE adds.
func (t *text) happened() {
	f := t.facts
	if !f.Analyzed {
		return
	}
	t.line(0, "Redirects: %d", f.Redirects)
	t.line(0, "Retries: %d", f.Retries)
	t.line(0, "Objects looked at in the partitions: %d", f.Scanned)
	t.line(0, "Rows sent by the partitions: %d", f.Travelled)
	t.line(0, "Rows: %d", f.Rows)
	t.line(0, "Planning time: %s", millis(f.Planning))
	t.line(0, "Locating time: %s", millis(f.Locating))
	t.line(0, "Execution time: %s", millis(f.Executing))
}

package state

import (
	"sort"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/object"
)

// table is a descriptor made ready for execution. Immutable.
type table struct {
	desc     *catalog.Table
	columns  int // of desc
	width    int // columns and system columns
	missing  []datum.Datum
	notNull  []int
	checks   []check
	keyTypes []datum.Type
}

// check is a CHECK constraint.
type check struct {
	name string
	cond expr.Expr
}

// makeTable prepares a descriptor; it fails where parts of it cannot be decoded.
func makeTable(desc *catalog.Table) (*table, error) {
	t := &table{
		desc: desc, columns: len(desc.Columns), width: len(desc.Columns) + len(catalog.SystemColumns),
		missing: make([]datum.Datum, len(desc.Columns)), keyTypes: desc.KeyTypes(),
	}
	for i := range desc.Columns {
		c := &desc.Columns[i]
		if c.NotNull && !c.Dropped {
			t.notNull = append(t.notNull, i)
		}
		if c.Missing != nil && !c.Dropped {
			d, _, err := datum.DecodeDatum(c.Missing)
			if err != nil {
				return nil, err
			}
			t.missing[i] = d
		}
	}
	for _, c := range desc.Checks {
		cond, err := expr.Decode(c.Expr)
		if err != nil {
			return nil, err
		}
		t.checks = append(t.checks, check{c.Name, cond})
	}
	// PostgreSQL checks constraints in the order of their names.
	sort.SliceStable(t.checks, func(i, j int) bool { return t.checks[i].name < t.checks[j].name })
	return t, nil
}

// decode decodes the needed columns of a stored row into row, whose length is at
// least the table's width, and fills the system columns.
func (t *table) decode(r record, row []datum.Datum, needed datum.Columns, p object.PartitionID) error {
	if err := datum.DecodeRow(r.row, row[:t.columns], needed, t.missing); err != nil {
		return err
	}
	t.setSystem(row, r, p)
	return nil
}

// setSystem fills the hidden columns of a row.
func (t *table) setSystem(row []datum.Datum, r record, p object.PartitionID) {
	system := row[t.columns:t.width]
	system[catalog.PartitionColumn] = datum.NewInt(int64(p))
	system[catalog.LocationColumn] = datum.NewInt(int64(r.version))
	system[catalog.RevisionColumn] = datum.NewInt(int64(r.revision))
}

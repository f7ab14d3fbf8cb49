package catalog

import (
	"testing"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
)

func keyed(t *testing.T, table object.TableID, tenant string, id int64) object.ID {
	t.Helper()
	key, err := datum.AppendKey(nil, datum.NewText(tenant), datum.Text)
	if err == nil {
		key, err = datum.AppendKey(key, datum.NewInt(id), datum.Int8)
	}
	if err != nil {
		t.Fatal(err)
	}
	return object.NewID(table, key)
}

func keyedTable(id object.TableID, columns ...int) *Table {
	return &Table{
		ID:         id,
		Columns:    []Column{{Name: "id", Type: datum.Int8}, {Name: "tenant", Type: datum.Text}},
		PrimaryKey: []int{1, 0},
		Placement:  Placement{Static: true, Columns: columns},
	}
}

// Slots are part of what is on disk: these values never change.
func TestSlotIsFixed(t *testing.T) {
	for _, c := range []struct {
		table *Table
		id    object.ID
		want  object.Slot
	}{
		{keyedTable(1), keyed(t, 1, "acme", 7), 2182},
		{keyedTable(1, 0), keyed(t, 1, "acme", 7), 1572},
		{keyedTable(1, 1), keyed(t, 1, "acme", 7), 981},
		{keyedTable(1, 1, 0), keyed(t, 1, "acme", 7), 451},
	} {
		if got := c.table.Slot(c.id); got != c.want {
			t.Errorf("columns %v: slot %d, want %d", c.table.Placement.Columns, got, c.want)
		}
	}
}

// Objects with the same value of the placement's columns have one slot, in all
// tables that are placed by such a column.
func TestSlotOfColumns(t *testing.T) {
	a, b := keyedTable(1, 0), keyedTable(2, 0)
	slots := make(map[object.Slot]bool)
	for _, tenant := range []string{"acme", "x", "", "long tenant's name", "ä"} {
		want := a.Slot(keyed(t, 1, tenant, 1))
		slots[want] = true
		for id := range int64(20) {
			if a.Slot(keyed(t, 1, tenant, id)) != want || b.Slot(keyed(t, 2, tenant, id)) != want {
				t.Errorf("tenant %q is not together", tenant)
			}
		}
	}
	if len(slots) < 4 {
		t.Errorf("five tenants in %d slots", len(slots))
	}
	for _, malformed := range []object.ID{"", "\x00\x00\x00\x01", "\x00\x00\x00\x01\xff"} {
		if got := a.Slot(malformed); got >= object.Slots {
			t.Errorf("slot %d", got)
		}
	}
}

func TestHome(t *testing.T) {
	s := &Snapshot{Partitions: []Partition{{ID: 3}}}
	d, id := keyedTable(1), keyed(t, 1, "acme", 7)
	if got := s.Home(d, id); !got.IsZero() {
		t.Errorf("before there are slots: %v", got)
	}
	s.Slots = make([]object.Location, object.Slots)
	s.Slots[d.Slot(id)] = object.Location{Partition: 3, Version: 1}
	if got := s.Home(d, id); got.Partition != 3 || s.Partition(3) == nil || s.Partition(4) != nil {
		t.Errorf("home %v", got)
	}
}

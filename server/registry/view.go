package registry

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/plugins/placement"
)

// view is the partitions as one table may use them.
type view struct {
	snap  *catalog.Snapshot
	table *catalog.Table
	// partitions are all, ascending by id, with what they hold. Closed are those that
	// must not get objects of the table.
	partitions []placement.Partition
	load       *placement.Partition // the first of what they have reported; nil: none has
}

// view joins the catalog's partitions and what they have reported.
func (r *Registry) view(request *execute.PlaceRequest) *view {
	v := &view{snap: r.deps.Catalog.Catalog(), table: request.Table}
	load := r.deps.Load()
	if len(load) > 0 {
		v.load = &load[0]
	}
	v.partitions = make([]placement.Partition, len(v.snap.Partitions))
	for i, p := range v.snap.Partitions {
		if j, ok := slices.BinarySearchFunc(load, uint32(p.ID), func(l placement.Partition, id uint32) int { return cmp.Compare(l.ID, id) }); ok {
			v.partitions[i] = load[j]
		}
		v.partitions[i].ID, v.partitions[i].Labels = uint32(p.ID), p.Labels
	}
	for i := range v.partitions {
		p := &v.partitions[i]
		p.Bytes += request.Shifts[object.PartitionID(p.ID)]
		_, ok := v.allowsAt(i, 0)
		p.Closed = !ok
	}
	return v
}

// allows reports whether a partition may get an object of about so many bytes, and if
// not, why. It is counted as one byte where that is not known.
func (v *view) allows(id object.PartitionID, bytes int64) (why string, ok bool) {
	i, ok := slices.BinarySearchFunc(v.snap.Partitions, id, func(p catalog.Partition, id object.PartitionID) int { return cmp.Compare(p.ID, id) })
	if !ok {
		return fmt.Sprintf("partition %d does not exist", id), false
	}
	return v.allowsAt(i, bytes)
}

// allowsAt is allows for the i-th partition.
func (v *view) allowsAt(i int, bytes int64) (why string, ok bool) {
	p := &v.snap.Partitions[i]
	if why, ok := v.table.Rules.Allows(p.ID, &p.PartitionLimits); !ok {
		return why, false
	}
	if held := v.partitions[i].Bytes; p.Capacity > 0 && held+max(bytes, 1) > p.Capacity {
		return fmt.Sprintf("partition %d is full: it holds %d of %d bytes", p.ID, held, p.Capacity), false
	}
	return "", true
}

// fallBack places a new object: at its home, or, where that must not have it, in one of
// those that may, by a hash of its key.
func (v *view) fallBack(request *execute.PlaceRequest, i int) (object.PartitionID, error) {
	home := request.Homes[i]
	if _, ok := v.allows(home, 0); ok {
		return home, nil
	}
	var may []object.PartitionID
	var whys []string
	for i, p := range v.snap.Partitions {
		if why, ok := v.allowsAt(i, 0); ok {
			may = append(may, p.ID)
		} else if len(whys) < 5 {
			whys = append(whys, why)
		}
	}
	if len(may) == 0 {
		return 0, pgerror.New(pgerror.ObjectNotInPrerequisiteState, "no partition may get objects of table %q", v.table.Name).
			WithDetail("%s", sentence(strings.Join(whys, "; ")))
	}
	h := fnv.New64a()
	for _, c := range v.table.PrimaryKey {
		_, _ = h.Write(datum.AppendDatum(nil, request.Rows[i][c]))
	}
	return may[h.Sum64()%uint64(len(may))], nil
}

package execute

import (
	"slices"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// group is the items that are sent to one partition: indexes into job.items.
type group struct {
	part object.PartitionID
	at   []int
}

// maxReadTargets bounds the objects that one read names, so that it fits in a
// message.
const maxReadTargets = 8192

// groups sorts the items that are not done by partition, ascending; within one
// they keep their order. A group has at most most items.
func (j *job) groups(into []group, most int) []group {
	into = into[:0]
	var at []int
	for i := range j.items {
		if !j.items[i].done {
			if at == nil {
				at = make([]int, 0, len(j.items)-i)
			}
			at = append(at, i)
		}
	}
	slices.SortStableFunc(at, func(a, b int) int { return int(j.items[a].part) - int(j.items[b].part) })
	for len(at) > 0 {
		n := 1
		for n < len(at) && n < most && j.items[at[n]].part == j.items[at[0]].part {
			n++
		}
		into = append(into, group{part: j.items[at[0]].part, at: at[:n:n]})
		at = at[n:]
	}
	return into
}

// partsOf lists the partitions of groups, each once.
func partsOf(groups []group) []object.PartitionID {
	parts := make([]object.PartitionID, 0, len(groups))
	for _, g := range groups {
		if n := len(parts); n == 0 || parts[n-1] != g.part {
			parts = append(parts, g.part)
		}
	}
	return parts
}

// targets appends a group's targets.
func (j *job) targets(dst []command.Target, g group) []command.Target {
	for _, i := range g.at {
		dst = append(dst, j.items[i].Target)
	}
	return dst
}

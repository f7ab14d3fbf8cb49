package state

import (
	"slices"
	"strings"

	"github.com/ssmr/ssmr/internal/object"
)

// ordered is a map by object id that can be walked through in order: a tree of two
// levels, of which an operation moves one leaf. The zero value is empty.
type ordered[V any] struct {
	leaves []*leaf[V] // none is empty
	size   int
}

// leafSize is when a leaf is divided.
const leafSize = 256

type leaf[V any] struct {
	ids    []object.ID
	values []V
}

func (o *ordered[V]) len() int { return o.size }

// find returns the leaf whose ids an id is among, or would be.
func (o *ordered[V]) find(id object.ID) int {
	low, high := 0, len(o.leaves)
	for low+1 < high {
		mid := (low + high) / 2
		if o.leaves[mid].ids[0] <= id {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

func (l *leaf[V]) find(id object.ID) (int, bool) {
	return slices.BinarySearchFunc(l.ids, id, func(a, b object.ID) int { return strings.Compare(string(a), string(b)) })
}

func (o *ordered[V]) get(id object.ID) (v V, found bool) {
	if o.size == 0 {
		return v, false
	}
	l := o.leaves[o.find(id)]
	i, found := l.find(id)
	if found {
		v = l.values[i]
	}
	return v, found
}

func (o *ordered[V]) set(id object.ID, v V) {
	if len(o.leaves) == 0 {
		o.leaves = append(o.leaves, &leaf[V]{})
	}
	at := o.find(id)
	l := o.leaves[at]
	i, found := l.find(id)
	if found {
		l.values[i] = v
		return
	}
	l.ids, l.values = slices.Insert(l.ids, i, id), slices.Insert(l.values, i, v)
	o.size++
	if len(l.ids) > leafSize {
		half := len(l.ids) / 2
		right := &leaf[V]{slices.Clone(l.ids[half:]), slices.Clone(l.values[half:])}
		clear(l.ids[half:])
		clear(l.values[half:])
		l.ids, l.values = l.ids[:half], l.values[:half]
		o.leaves = slices.Insert(o.leaves, at+1, right)
	}
}

func (o *ordered[V]) remove(id object.ID) {
	if o.size == 0 {
		return
	}
	at := o.find(id)
	l := o.leaves[at]
	i, found := l.find(id)
	if !found {
		return
	}
	l.ids, l.values = slices.Delete(l.ids, i, i+1), slices.Delete(l.values, i, i+1)
	o.size--
	if len(l.ids) == 0 && len(o.leaves) > 1 {
		o.leaves = slices.Delete(o.leaves, at, at+1)
	}
}

// ascend calls each from an id on until it returns false. The map must not be changed
// meanwhile.
func (o *ordered[V]) ascend(from object.ID, each func(object.ID, V) bool) {
	if o.size == 0 {
		return
	}
	for at := o.find(from); at < len(o.leaves); at++ {
		l := o.leaves[at]
		i, _ := l.find(from)
		for ; i < len(l.ids); i++ {
			if !each(l.ids[i], l.values[i]) {
				return
			}
		}
	}
}

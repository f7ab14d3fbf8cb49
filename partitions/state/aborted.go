package state

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// aborted are the transactions that must not be prepared here, because somebody has
// asked about them when they were not. For each coordinating node the newest are
// remembered one by one; all up to its floor are aborted.
type aborted struct {
	nodes map[object.NodeID]*abortedOf
}

type abortedOf struct {
	floor attempt
	list  []attempt // ascending, above floor
}

// attempt is a transaction of a node.
type attempt struct{ incarnation, sequence uint64 }

func attemptOf(t object.TransactionID) attempt { return attempt{t.Incarnation, t.Sequence} }

func compareAttempts(a, b attempt) int {
	return cmp.Or(cmp.Compare(a.incarnation, b.incarnation), cmp.Compare(a.sequence, b.sequence))
}

func newAborted() aborted { return aborted{nodes: make(map[object.NodeID]*abortedOf)} }

func (a *aborted) has(t object.TransactionID) bool {
	of := a.nodes[t.Node]
	if of == nil {
		return false
	}
	n := attemptOf(t)
	if compareAttempts(n, of.floor) <= 0 {
		return true
	}
	_, found := slices.BinarySearchFunc(of.list, n, compareAttempts)
	return found
}

// abortFor remembers that a transaction must not be prepared. It is false where there is
// no room for another node.
func (x *entry) abortFor(t object.TransactionID) bool {
	a := &x.m.aborted
	if a.has(t) {
		return true
	}
	of := a.nodes[t.Node]
	if of == nil {
		if len(a.nodes) >= maxSenders {
			return false
		}
		of = new(abortedOf)
		a.nodes[t.Node] = of
	}
	n := attemptOf(t)
	i, _ := slices.BinarySearchFunc(of.list, n, compareAttempts)
	of.list = slices.Insert(of.list, i, n)
	x.key = appendTransactionKey(x.key[:0], prefixAborted, t)
	x.batch.Set(x.key, nil)
	if len(of.list) > maxAborted {
		of.floor = of.list[0]
		of.list = slices.Delete(of.list, 0, 1)
		x.key = appendTransactionKey(x.key[:0], prefixAborted,
			object.TransactionID{Node: t.Node, Incarnation: of.floor.incarnation, Sequence: of.floor.sequence})
		x.batch.Delete(x.key)
		x.key = append(append(x.key[:0], prefixAborts), t.Node...)
		x.value = binary.AppendUvarint(x.value[:0], of.floor.incarnation)
		x.value = binary.AppendUvarint(x.value, of.floor.sequence)
		x.batch.Set(x.key, x.value)
	}
	return true
}

func (a *aborted) load(r storage.Reader) error {
	err := scan(r, prefixAborts, func(key, value []byte) error {
		c := cutter{b: value}
		of := &abortedOf{floor: attempt{c.uint(), c.uint()}}
		if c.bad || len(c.b) > 0 {
			return corrupt("floor of aborted transactions")
		}
		a.nodes[object.NodeID(key)] = of
		return nil
	})
	if err != nil {
		return err
	}
	return scan(r, prefixAborted, func(key, _ []byte) error {
		t, rest, err := cutTransaction(key)
		if err != nil || len(rest) > 0 {
			return corrupt("aborted transaction")
		}
		of := a.nodes[t.Node]
		if of == nil {
			of = new(abortedOf)
			a.nodes[t.Node] = of
		}
		of.list = append(of.list, attemptOf(t)) // in the order of the keys
		return nil
	})
}

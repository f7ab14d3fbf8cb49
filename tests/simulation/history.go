package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/tests/checker"
)

// record is what a client did and saw in one transaction.
type record struct {
	client           int
	invoke, complete micros
	outcome          checker.Outcome
	ops              []recordedOp
	note             string
}

// recordedOp is one step. known says that the client has seen what came of it: for a
// read the list, or that there is no object; for the others whether it took effect.
type recordedOp struct {
	do    do
	key   int
	value int64 // appended, or the first of a created object
	known bool
	there bool    // the object was there (read), or the step took effect
	list  []int64 // of a read
}

func (o recordedOp) String() string {
	s := fmt.Sprintf("%s %d", o.do, o.key)
	if o.do == doAppend || o.do == doCreate {
		s += fmt.Sprintf(" with %d", o.value)
	}
	switch {
	case !o.known:
		return s + " ?"
	case o.do == doRead && o.there:
		return fmt.Sprintf("%s = %v", s, o.list)
	case o.do == doRead:
		return s + " = nothing"
	case !o.there:
		return s + " without effect"
	}
	return s
}

func (r *record) String() string {
	s := fmt.Sprintf("client %d, %.3f to %.3f ms, %s:", r.client, float64(r.invoke)/1000, float64(r.complete)/1000, r.outcome)
	for i, o := range r.ops {
		if i > 0 {
			s += ","
		}
		s += " " + o.String()
	}
	if r.note != "" {
		s += " (" + r.note + ")"
	}
	return s
}

// listText is how a list is stored: "12,34,".
func parseList(s string) ([]int64, error) {
	var list []int64
	for part := range strings.SplitSeq(strings.TrimSuffix(s, ","), ",") {
		if part == "" {
			continue
		}
		v, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func element(v int64) string { return strconv.FormatInt(v, 10) + "," }

// decodeRow reads a row of programs.read.
func (w *world) decodeRow(b []byte) (k int, list []int64) {
	values, err := datum.DecodeTuple(b, nil)
	if err != nil || len(values) != 2 {
		w.fail("a row that cannot be read: %x: %v", b, err)
		return 0, nil
	}
	list, err = parseList(values[1].Text())
	if err != nil {
		w.fail("object %d holds %q", values[0].Int(), values[1].Text())
	}
	return int(values[0].Int()), list
}

// history is what the graph of dependencies is made from: all that was done to lasting
// objects. Every append to one takes effect if its transaction does.
func (w *world) history() *checker.History {
	h := &checker.History{}
	for _, r := range w.records {
		t := checker.Transaction{
			Process: r.client, Invoke: int64(r.invoke), Complete: int64(r.complete), Outcome: r.outcome, Note: r.note,
		}
		for _, o := range r.ops {
			key := fmt.Sprintf("x%d", o.key)
			switch {
			case !w.keys[o.key].Lasting:
			case o.do == doRead && o.known:
				if !o.there {
					w.fail("object %d, which is never deleted, was not found: %s", o.key, r)
				}
				t.Operations = append(t.Operations, checker.Operation{Kind: checker.List, Key: key, Values: o.list})
			case o.do == doAppend:
				if o.known && !o.there {
					w.fail("object %d, which is never deleted, was not found: %s", o.key, r)
				}
				t.Operations = append(t.Operations, checker.Operation{Kind: checker.Append, Key: key, Value: o.value})
			}
		}
		if len(t.Operations) > 0 {
			h.Transactions = append(h.Transactions, t)
		}
	}
	return h
}

// database is the content of all objects: nil where there is none.
type database [][]int64

// apply carries out a transaction that took effect. It reports whether the client would
// have seen what it saw.
func (d database) apply(r *record) (database, bool) {
	next := slices.Clone(d)
	for i := range r.ops {
		o := &r.ops[i]
		there := next[o.key] != nil
		effect := there
		if o.do == doCreate {
			effect = !there
		}
		if o.known && o.there != effect {
			return nil, false
		}
		switch {
		case o.do == doRead && there && o.known:
			if !slices.Equal(next[o.key], o.list) {
				return nil, false
			}
		case o.do == doAppend && there:
			next[o.key] = append(slices.Clip(next[o.key]), o.value)
		case o.do == doCreate && !there:
			next[o.key] = []int64{o.value}
		case o.do == doDelete && there:
			next[o.key] = nil
		}
	}
	return next, true
}

func (d database) String() string {
	var b strings.Builder
	for _, list := range d {
		if list == nil {
			b.WriteString("-")
		}
		for _, v := range list {
			b.WriteString(element(v))
		}
		b.WriteByte(';')
	}
	return b.String()
}

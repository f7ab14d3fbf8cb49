package main

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ssmr/ssmr/tests/checker"
)

// schedules is what a test run looks at; go run looks at more.
func schedules() int {
	if testing.Short() {
		return 60
	}
	return 300
}

// Invariants 1, 3, 4, 5 and 7 of the design.
func TestSchedules(t *testing.T) {
	s := &search{first: 1, count: schedules(), most: 1, report: func(p *plan, err error) {
		t.Errorf("seed %d: %v\ngo run ./tests/simulation -seed %d -schedules 1", p.Seed, err, p.Seed)
	}}
	s.run(2)
	for _, k := range []string{"crashes", "elections", "moves", "recoveries", "snapshots", "unknown", "pauses", "reads of followers"} {
		if s.failed == 0 && s.counts[k] == 0 {
			t.Errorf("there were no %s in %d runs", k, s.done)
		}
	}
	t.Log(s.counts)
}

// What was found before is not found again.
func TestRegressions(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	stores := &stores{}
	defer stores.close()
	for _, name := range files {
		p, err := readPlan(name)
		if err != nil {
			t.Fatal(err)
		}
		if o := stores.simulate(p, nil); o.err != nil {
			t.Errorf("%s (%s): %v", name, p.Found, o.err)
		}
	}
}

// One seed is one run, whatever ran before it.
func TestSameSeedSameRun(t *testing.T) {
	for _, seed := range []uint64{3, 5, 70, 592} {
		var traces [2]bytes.Buffer
		for i := range traces {
			stores := &stores{}
			if i == 1 {
				stores.simulate(newPlan(seed+1), nil)
			}
			stores.simulate(newPlan(seed), &traces[i])
			stores.close()
		}
		a, b := strings.Split(traces[0].String(), "\n"), strings.Split(traces[1].String(), "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("seed %d, line %d:\n%s\n%s", seed, i, a[i], b[i])
			}
		}
		if len(a) != len(b) || len(a) < 20 {
			t.Fatalf("seed %d: traces of %d and %d lines", seed, len(a), len(b))
		}
	}
}

func TestMinimise(t *testing.T) {
	p := newPlan(12)
	for !slices.ContainsFunc(p.Faults, func(f fault) bool { return f.Kind == faultCrash }) || len(p.Clients) < 3 || len(p.Clients[1].Transactions) < 2 {
		p = newPlan(p.Seed + 1)
	}
	want := p.Clients[1].Transactions[1]
	small := minimise(p, func(q *plan) bool {
		crash := slices.ContainsFunc(q.Faults, func(f fault) bool { return f.Kind == faultCrash })
		return crash && slices.ContainsFunc(q.Clients[1].Transactions, func(t transactionPlan) bool {
			return t.Way == want.Way && len(t.Ops) > 0 && t.Ops[0] == want.Ops[0]
		})
	})
	if small.Loss+small.Twice+small.Slow+small.Stumble > 0 || small.Checkpoints {
		t.Errorf("the network is as it was: %s", small)
	}
	left := 0
	for c := range small.Clients {
		for _, tr := range small.Clients[c].Transactions {
			left += len(tr.Ops)
		}
	}
	crashes := 0
	for _, f := range small.Faults {
		if f.Kind != faultNone {
			crashes++
		}
	}
	if left != 1 || crashes != 1 || len(small.Clients) != len(p.Clients) {
		t.Errorf("%d operations and %d faults are left: %s", left, crashes, small)
	}
	if err := small.check(); err != nil {
		t.Error(err)
	}
}

// The search for a serial order finds what no database shows.
func TestSerial(t *testing.T) {
	committed := func(from, to micros, ops ...recordedOp) *record {
		return &record{invoke: from, complete: to, outcome: checker.Committed, ops: ops}
	}
	unknown := func(from micros, ops ...recordedOp) *record {
		return &record{invoke: from, outcome: checker.Unknown, ops: ops}
	}
	read := func(k int, list ...int64) recordedOp {
		return recordedOp{do: doRead, key: k, known: true, there: list != nil, list: list}
	}
	create := func(k int, v int64, effect bool) recordedOp {
		return recordedOp{do: doCreate, key: k, value: v, known: true, there: effect}
	}
	remove := func(k int) recordedOp { return recordedOp{do: doDelete, key: k, known: true, there: true} }
	add := func(k int, v int64) recordedOp { return recordedOp{do: doAppend, key: k, value: v} }
	for name, test := range map[string]struct {
		records []*record
		found   bool
	}{
		"created, deleted, created": {[]*record{
			committed(0, 1, create(0, 1, true)), committed(2, 3, remove(0)), committed(4, 5, read(0)),
			committed(6, 7, create(0, 2, true)), committed(8, 9, read(0, 2))}, true},
		"a deleted object comes back": {[]*record{
			committed(0, 1, create(0, 1, true)), committed(2, 3, remove(0)), committed(4, 5, read(0, 1))}, false},
		"created twice": {[]*record{
			committed(0, 9, create(0, 1, true)), committed(0, 9, create(0, 2, true))}, false},
		"unknown, and seen late": {[]*record{
			committed(0, 1, create(0, 1, true)), unknown(2, add(0, 2)), committed(3, 4, read(0, 1)), committed(5, 6, read(0, 1, 2))}, true},
		"unknown, seen, and gone": {[]*record{
			committed(0, 1, create(0, 1, true)), unknown(2, add(0, 2)), committed(3, 4, read(0, 1, 2)), committed(5, 6, read(0, 1))}, false},
		"half of a transaction": {[]*record{
			committed(0, 1, create(0, 1, true), create(1, 2, true)), committed(2, 9, add(0, 3), add(1, 3)),
			committed(3, 9, read(0, 1, 3), read(1, 2))}, false},
	} {
		found, decided, _ := serial(test.records, make(database, 2))
		if found != test.found || !decided {
			t.Errorf("%s: found %v, decided %v", name, found, decided)
		}
	}
}

package main

import (
	"fmt"
	"math/rand/v2"
)

// plan is what a run does. It is made from a seed, or read from a file where a failure was
// minimised; the same plan gives the same run.
type plan struct {
	// Found says what it has found, where it is kept as a test.
	Found      string       `json:"found,omitempty"`
	Seed       uint64       `json:"seed"`
	Partitions int          `json:"partitions"`
	Nodes      int          `json:"nodes"`
	Keys       []keyPlan    `json:"keys"`
	Clients    []clientPlan `json:"clients"`
	Faults     []fault      `json:"faults"`
	// Loss and Twice are the shares of messages that get lost, or are delivered twice;
	// Slow that of delays that are much longer.
	Loss  float64 `json:"loss"`
	Twice float64 `json:"twice"`
	Slow  float64 `json:"slow"`
	// Stumble is the chance that a coordinator's node crashes before a step that it would
	// take.
	Stumble float64 `json:"stumble"`
	// Checkpoints has crashes lose what was applied lately: it is applied again.
	Checkpoints bool `json:"checkpoints"`
}

// keyPlan is an object that clients use.
type keyPlan struct {
	Static bool `json:"static,omitempty"`
	// Lasting objects are there from the beginning and are not deleted.
	Lasting bool `json:"lasting,omitempty"`
}

// clientPlan is what one client does, one transaction after the other.
type clientPlan struct {
	Node         int               `json:"node"`
	Transactions []transactionPlan `json:"transactions"`
}

// transactionPlan is one transaction, or a move.
type transactionPlan struct {
	Way way      `json:"way"`
	Ops []opPlan `json:"ops"`
	// Pause is what the client waits before it, and between statements.
	Pause int64 `json:"pause,omitempty"`
}

// way says how a transaction is carried out.
type way string

const (
	waySingle    way = "single"    // one Write or Read of one object
	wayWrites    way = "writes"    // one statement that writes several objects
	wayReads     way = "reads"     // one statement that reads several objects, from a snapshot
	wayScan      way = "scan"      // all objects of a table, from a snapshot
	waySweep     way = "sweep"     // appends to all objects of a table
	waySession   way = "session"   // BEGIN, statements, COMMIT
	wayRollback  way = "rollback"  // BEGIN, statements, ROLLBACK
	wayLocked    way = "locked"    // SELECT ... FOR UPDATE first
	wayScanWrite way = "scanwrite" // BEGIN, a scan, writes, COMMIT
	wayMove      way = "move"      // objects are moved; no transaction
)

// opPlan is one operation.
type opPlan struct {
	Do  do  `json:"do"`
	Key int `json:"key"`
	// To is where a new or moved object goes.
	To int `json:"to,omitempty"`
	// Strict has a creation of what is there fail, and the statement with it.
	Strict bool `json:"strict,omitempty"`
}

type do string

const (
	doRead   do = "read"
	doAppend do = "append"
	doCreate do = "create"
	doDelete do = "delete"
	doMove   do = "move"
)

// fault is something that goes wrong at a time.
type fault struct {
	Kind   faultKind `json:"kind"`
	At     int64     `json:"at"`            // microseconds
	For    int64     `json:"for,omitempty"` // microseconds
	A      int       `json:"a"`             // a node, or a group
	B      int       `json:"b,omitempty"`   // another node; -1: all others
	OneWay bool      `json:"oneWay,omitempty"`
}

type faultKind string

const (
	faultCrash    faultKind = "crash"    // of node A
	faultElection faultKind = "election" // in group A
	faultNetsplit faultKind = "netsplit" // node A from B
	faultInstall  faultKind = "install"  // a follower of group A is given the state of another
	faultPause    faultKind = "pause"    // of the process of node A
	faultAll      faultKind = "all"      // all nodes crash
	faultNone     faultKind = "none"     // it was taken away to make a plan smaller
)

// delay draws a time, now and then a much longer one.
func (p *plan) delay(r *rand.Rand, from, to micros) micros {
	if r.Float64() < p.Slow {
		to *= 30
	}
	return between(r, from, to)
}

// newPlan makes a plan from a seed.
func newPlan(seed uint64) *plan {
	r := rand.New(rand.NewPCG(seed, 0x5eed))
	p := &plan{
		Seed: seed, Partitions: 1 + r.IntN(3), Nodes: 3,
		Checkpoints: r.IntN(3) == 0,
	}
	if r.IntN(2) == 0 {
		p.Loss, p.Twice = []float64{0, 0.01, 0.05}[r.IntN(3)], []float64{0, 0.02, 0.1}[r.IntN(3)]
	}
	p.Stumble = []float64{0, 0.002, 0.02}[r.IntN(3)]
	p.Slow = []float64{0, 0.01, 0.05}[r.IntN(3)]
	for range 2 + r.IntN(4) {
		p.Keys = append(p.Keys, keyPlan{Static: r.IntN(2) == 0, Lasting: r.IntN(3) > 0})
	}
	moves := r.IntN(3) > 0
	for c := range 2 + r.IntN(4) {
		client := clientPlan{Node: c % p.Nodes}
		for range 2 + r.IntN(6) {
			client.Transactions = append(client.Transactions, p.transaction(r, moves))
		}
		p.Clients = append(p.Clients, client)
	}
	p.faults(r)
	return p
}

func (p *plan) transaction(r *rand.Rand, moves bool) transactionPlan {
	ways := []way{
		waySingle, waySingle, waySingle, wayWrites, wayWrites, waySession, waySession, waySession,
		wayReads, wayScan, waySweep, wayRollback, wayLocked, wayScanWrite,
	}
	if moves {
		ways = append(ways, wayMove, wayMove, wayMove)
	}
	t := transactionPlan{Way: ways[r.IntN(len(ways))]}
	if r.IntN(3) == 0 {
		t.Pause = r.Int64N(8000)
	}
	n := 1
	switch t.Way {
	case wayWrites, wayReads, wayMove:
		n = 1 + r.IntN(3)
	case waySession, wayRollback, wayLocked:
		n = 1 + r.IntN(4)
	}
	for _, k := range r.Perm(len(p.Keys))[:min(n, len(p.Keys))] {
		t.Ops = append(t.Ops, p.op(r, t.Way, k))
		if (t.Way == waySession || t.Way == wayLocked) && r.IntN(3) == 0 {
			t.Ops = append(t.Ops, p.op(r, t.Way, k)) // the same again
		}
	}
	return t
}

func (p *plan) op(r *rand.Rand, how way, k int) opPlan {
	op := opPlan{Key: k, To: 1 + r.IntN(p.Partitions), Do: doAppend}
	switch how {
	case wayMove:
		op.Do = doMove
		return op
	case wayReads, wayScan:
		op.Do = doRead
		return op
	case waySweep, wayScanWrite:
		return op
	case wayWrites:
	default:
		if r.IntN(2) == 0 {
			op.Do = doRead
			return op
		}
	}
	if !p.Keys[k].Lasting && r.IntN(3) > 0 {
		op.Do = []do{doCreate, doDelete, doCreate}[r.IntN(3)]
		op.Strict = how == wayWrites && op.Do == doCreate && r.IntN(2) == 0
	}
	return op
}

func (p *plan) faults(r *rand.Rand) {
	if r.IntN(4) == 0 {
		return
	}
	kinds := []faultKind{faultCrash, faultCrash, faultElection, faultElection, faultElection, faultNetsplit, faultInstall, faultInstall, faultAll, faultPause, faultPause}
	for range 1 + r.IntN(6) {
		f := fault{Kind: kinds[r.IntN(len(kinds))], At: r.Int64N(60_000), For: 500 + r.Int64N(40_000)}
		switch f.Kind {
		case faultCrash:
			f.A = r.IntN(p.Nodes)
		case faultPause:
			f.A = r.IntN(p.Nodes)
			f.For *= 1 + r.Int64N(4)
		case faultNetsplit:
			f.A, f.B = r.IntN(p.Nodes), r.IntN(p.Nodes+1)-1
			f.OneWay = r.IntN(3) == 0
		case faultElection, faultInstall:
			f.A = r.IntN(p.Partitions + 1)
		}
		p.Faults = append(p.Faults, f)
	}
}

// String tells the plan in a few lines.
func (p *plan) String() string {
	s := fmt.Sprintf("seed %d: %d partitions, %d nodes, loss %v, twice %v, slow %v, stumble %v, checkpoints %v\n", p.Seed, p.Partitions, p.Nodes, p.Loss, p.Twice, p.Slow, p.Stumble, p.Checkpoints)
	for k, key := range p.Keys {
		s += fmt.Sprintf("  object %d: static %v, lasting %v\n", k, key.Static, key.Lasting)
	}
	for c := range p.Clients {
		if len(p.Clients[c].Transactions) == 0 {
			continue
		}
		s += fmt.Sprintf("  client %d on node %d:\n", c, p.Clients[c].Node+1)
		for _, t := range p.Clients[c].Transactions {
			s += fmt.Sprintf("    %s", t.Way)
			for _, o := range t.Ops {
				s += fmt.Sprintf(" %s(%d", o.Do, o.Key)
				if o.Do == doMove || o.Do == doCreate {
					s += fmt.Sprintf(" -> p%d", o.To)
				}
				s += ")"
			}
			s += "\n"
		}
	}
	for _, f := range p.Faults {
		if f.Kind == faultNone {
			continue
		}
		s += fmt.Sprintf("  fault: %s %d/%d at %.3f ms for %.3f ms, one way %v\n", f.Kind, f.A, f.B, float64(f.At)/1000, float64(f.For)/1000, f.OneWay)
	}
	return s
}

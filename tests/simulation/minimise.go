package main

import (
	"encoding/json"
	"fmt"
)

// maxTries bounds the runs of one minimisation.
const maxTries = 600

// minimise makes a plan smaller as long as it still fails: fewer clients, transactions,
// operations and faults, and a better network. What is left of it keeps its place, so
// that it does as it did.
func minimise(p *plan, fails func(*plan) bool) *plan {
	tries := 0
	attempt := func(change func(q *plan) bool) bool {
		q := p.copy()
		if tries >= maxTries || !change(q) {
			return false
		}
		tries++
		if !fails(q) {
			return false
		}
		p = q
		return true
	}
	for smaller := true; smaller && tries < maxTries; {
		smaller = false
		for _, change := range p.changes() {
			smaller = attempt(change) || smaller
		}
	}
	return p
}

func (p *plan) copy() *plan {
	text, err := json.Marshal(p)
	q := new(plan)
	if err == nil {
		err = json.Unmarshal(text, q)
	}
	if err != nil { // a plan holds nothing that JSON cannot say
		panic(err)
	}
	return q
}

// changes are ways to make the plan smaller, the larger ones first. Each reports whether
// it changes anything.
func (p *plan) changes() []func(q *plan) bool {
	var list []func(q *plan) bool
	add := func(change func(q *plan) bool) { list = append(list, change) }
	zero := func(field func(q *plan) *float64) {
		add(func(q *plan) bool {
			f := field(q)
			was := *f
			*f = 0
			return was != 0
		})
	}
	for c := range p.Clients {
		add(func(q *plan) bool {
			n := len(q.Clients[c].Transactions)
			q.Clients[c].Transactions = nil
			return n > 0
		})
	}
	for f := range p.Faults {
		add(func(q *plan) bool {
			was := q.Faults[f].Kind
			q.Faults[f] = fault{Kind: faultNone}
			return was != faultNone
		})
	}
	zero(func(q *plan) *float64 { return &q.Loss })
	zero(func(q *plan) *float64 { return &q.Twice })
	zero(func(q *plan) *float64 { return &q.Slow })
	zero(func(q *plan) *float64 { return &q.Stumble })
	add(func(q *plan) bool {
		was := q.Checkpoints
		q.Checkpoints = false
		return was
	})
	for c := range p.Clients {
		for t := len(p.Clients[c].Transactions) - 1; t >= 0; t-- {
			add(func(q *plan) bool {
				list := q.Clients[c].Transactions
				if t >= len(list) {
					return false
				}
				q.Clients[c].Transactions = append(list[:t:t], list[t+1:]...)
				return true
			})
		}
	}
	for c := range p.Clients {
		for t := range p.Clients[c].Transactions {
			for o := len(p.Clients[c].Transactions[t].Ops) - 1; o >= 0; o-- {
				add(func(q *plan) bool {
					if t >= len(q.Clients[c].Transactions) {
						return false
					}
					ops := q.Clients[c].Transactions[t].Ops
					if o >= len(ops) || len(ops) == 1 {
						return false
					}
					q.Clients[c].Transactions[t].Ops = append(ops[:o:o], ops[o+1:]...)
					return true
				})
			}
		}
	}
	return list
}

// check refuses a plan that names what is not there.
func (p *plan) check() error {
	if p.Partitions < 1 || p.Partitions > 64 || p.Nodes < 2 || p.Nodes > 64 {
		return fmt.Errorf("a plan of %d partitions on %d nodes", p.Partitions, p.Nodes)
	}
	for i := range p.Clients {
		if n := p.Clients[i].Node; n < 0 || n >= p.Nodes {
			return fmt.Errorf("client %d is on node %d of %d", i, n, p.Nodes)
		}
		for _, t := range p.Clients[i].Transactions {
			if len(t.Ops) == 0 {
				return fmt.Errorf("client %d has a transaction without operations", i)
			}
			for _, o := range t.Ops {
				if o.Key < 0 || o.Key >= len(p.Keys) || o.To < 0 || o.To > p.Partitions {
					return fmt.Errorf("client %d: operation %+v", i, o)
				}
			}
		}
	}
	for _, f := range p.Faults {
		bound := p.Nodes
		if f.Kind == faultElection || f.Kind == faultInstall {
			bound = p.Partitions + 1
		}
		if f.A < 0 || f.A >= bound || f.At < 0 || f.For < 0 {
			return fmt.Errorf("fault %+v", f)
		}
	}
	return nil
}

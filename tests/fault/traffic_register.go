package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"

	"github.com/ssmr/ssmr/tests/register"
)

const (
	registerKeys = 12
	// registerOps is how many operations are done before new keys are taken, so that the
	// history of one key stays short enough to be checked.
	registerOps    = 1500
	porcupineLimit = 2 * time.Minute
)

// registers is traffic on single rows, each of which has to be linearizable.
type registers struct {
	begun atomic.Int64 // operations
	seen  register.History
}

func newRegisters() *registers { return &registers{} }

// first is the least of the keys in use, by how many operations were begun.
func (r *registers) first(begun int64) int64 { return begun / registerOps * registerKeys }

func (r *registers) setup(ctx context.Context, conn *pgx.Conn, w *world) error {
	return w.create(ctx, conn, "register", register.Columns)
}

func (r *registers) tables() []table {
	return []table{{name: "register", key: func(rnd *rand.Rand) int64 { return r.first(r.begun.Load()) + rnd.Int64N(registerKeys) }}}
}

func (r *registers) step(c *client) {
	in := register.Draw(c.rnd, r.first(r.begun.Add(1))+c.rnd.Int64N(registerKeys))
	var out register.Output
	res := c.run(fmt.Sprintf("%s %d %d", in.Kind, in.Key, in.Value), func(ctx context.Context, o *operation) (err error) {
		if out, err = in.Execute(ctx, o.conn); err == nil {
			o.note("%s", in.Describe(out))
		}
		return err
	})
	out.Unknown = res.outcome == unknown
	if res.outcome != refused {
		r.seen.Add(c.id, in, out, res.call, res.returned)
	}
}

// finish reads all rows by one scan: each is a read of its row.
func (r *registers) finish(c *client) error {
	found := make(map[int64]int64)
	res := c.run("read all", func(ctx context.Context, o *operation) error {
		return collect(ctx, o.conn, found, "SELECT id, v FROM register")
	})
	if res.outcome != done {
		return res.err
	}
	for key := range r.first(r.begun.Load()) + registerKeys {
		value, exists := found[key]
		r.seen.Add(c.id, register.Input{Key: key}, register.Output{Exists: exists, Value: value}, res.call, res.returned)
	}
	return nil
}

func (r *registers) check(v *verdict) {
	switch result, text := r.seen.Check(porcupineLimit); result {
	case porcupine.Unknown:
		v.doubt("register: porcupine did not finish within %s", porcupineLimit)
	case porcupine.Illegal:
		v.add(violation{where: "register", what: "a row is not linearizable", text: text})
	}
}

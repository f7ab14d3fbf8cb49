package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"
)

const (
	registerKeys = 12
	// registerOps is how many operations are done before new keys are taken, so that the
	// history of one key stays short enough to be checked.
	registerOps    = 1500
	porcupineLimit = 2 * time.Minute
)

// registerKind is what an operation does to one row with one value.
type registerKind int

const (
	registerRead   registerKind = iota // the value, or none
	registerUpsert                     // sets the value
	registerAdd                        // adds to the value of a row that is there
	registerInsert                     // creates the row unless it is there
	registerDelete                     // deletes the row, and says what it was
)

func (k registerKind) String() string {
	return [...]string{"read", "upsert", "add", "insert", "delete"}[k]
}

// registerInput is an operation on a row.
type registerInput struct {
	key   int64
	kind  registerKind
	value int64
}

// registerOutput is what the client was told.
type registerOutput struct {
	unknown bool // nothing certain
	exists  bool // read, add, delete: the row was there; insert: it was created
	value   int64
}

// registerState is a row as the model has it.
type registerState struct {
	exists bool
	value  int64
}

// registerModel is the sequential specification of one row that porcupine compares
// histories with (Herlihy and Wing 1990).
var registerModel = porcupine.Model{
	Partition: func(ops []porcupine.Operation) [][]porcupine.Operation {
		byKey := make(map[int64][]porcupine.Operation)
		for _, op := range ops {
			key := op.Input.(registerInput).key
			byKey[key] = append(byKey[key], op)
		}
		var parts [][]porcupine.Operation
		for _, ops := range byKey {
			parts = append(parts, ops)
		}
		return parts
	},
	Init: func() any { return registerState{} },
	Step: func(s, in, out any) (bool, any) {
		return registerStep(s.(registerState), in.(registerInput), out.(registerOutput))
	},
	DescribeOperation: func(in, out any) string { return describeRegister(in.(registerInput), out.(registerOutput)) },
}

func registerStep(s registerState, in registerInput, out registerOutput) (bool, registerState) {
	next := s
	same := out.unknown || out.exists == s.exists && (!s.exists || out.value == s.value)
	switch in.kind {
	case registerRead:
		return same, s
	case registerUpsert:
		return true, registerState{exists: true, value: in.value}
	case registerAdd:
		if s.exists {
			next.value += in.value
		}
		return out.unknown || out.exists == s.exists && (!s.exists || out.value == next.value), next
	case registerInsert:
		if !s.exists {
			next = registerState{exists: true, value: in.value}
		}
		return out.unknown || out.exists == !s.exists, next
	case registerDelete:
		return same, registerState{}
	}
	return false, s
}

func describeRegister(in registerInput, out registerOutput) string {
	text := fmt.Sprintf("%s of row %d", in.kind, in.key)
	if in.kind != registerRead && in.kind != registerDelete {
		text += fmt.Sprintf(" with %d", in.value)
	}
	switch {
	case out.unknown:
		return text + ": unknown"
	case in.kind == registerInsert:
		return fmt.Sprintf("%s: created %t", text, out.exists)
	case in.kind == registerUpsert:
		return text + ": done"
	case !out.exists:
		return text + ": no row"
	}
	return fmt.Sprintf("%s: %d", text, out.value)
}

// register is traffic on single rows, each of which has to be linearizable.
type register struct {
	begun atomic.Int64 // operations

	mu   sync.Mutex // guards what follows
	ops  []porcupine.Operation
	keys int64 // keys in use are below
}

func newRegister() *register { return &register{} }

func (r *register) setup(ctx context.Context, conn *pgx.Conn, w *world) error {
	return w.create(ctx, conn, "register", "id bigint PRIMARY KEY, v bigint NOT NULL")
}

func (r *register) tables() []table {
	return []table{{name: "register", key: func(rnd *rand.Rand) int64 {
		return r.begun.Load()/registerOps*registerKeys + rnd.Int64N(registerKeys)
	}}}
}

func (r *register) step(c *client) {
	in := registerInput{key: r.begun.Add(1)/registerOps*registerKeys + c.rnd.Int64N(registerKeys), value: c.rnd.Int64N(1000)}
	switch n := c.rnd.IntN(100); {
	case n < 40:
		in.kind = registerRead
	case n < 55:
		in.kind = registerUpsert
	case n < 75:
		in.kind = registerAdd
	case n < 87:
		in.kind = registerInsert
	default:
		in.kind = registerDelete
	}
	var out registerOutput
	res := c.run(fmt.Sprintf("%s %d %d", in.kind, in.key, in.value), func(ctx context.Context, o *operation) (err error) {
		if out, err = registerExecute(ctx, o.conn, in); err == nil {
			o.note("%s", describeRegister(in, out))
		}
		return err
	})
	out.unknown = res.outcome == unknown
	if res.outcome != refused {
		r.record(c.id, in, out, res.call, res.returned)
	}
}

// record adds an operation. One with an unknown outcome may take effect at any time
// later; a read of that kind says nothing.
func (r *register) record(client int, in registerInput, out registerOutput, call, returned int64) {
	if out.unknown {
		if in.kind == registerRead {
			return
		}
		returned = math.MaxInt64
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, porcupine.Operation{ClientId: client, Input: in, Output: out, Call: call, Return: returned})
	r.keys = max(r.keys, in.key+1)
}

func registerExecute(ctx context.Context, conn *pgx.Conn, in registerInput) (registerOutput, error) {
	var out registerOutput
	row := func(sql string, args ...any) error {
		err := conn.QueryRow(ctx, sql, args...).Scan(&out.value)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		out.exists = err == nil
		return err
	}
	switch in.kind {
	case registerRead:
		return out, row("SELECT v FROM register WHERE id = $1", in.key)
	case registerUpsert:
		_, err := conn.Exec(ctx, "INSERT INTO register (id, v) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v", in.key, in.value)
		return out, err
	case registerAdd:
		return out, row("UPDATE register SET v = v + $2 WHERE id = $1 RETURNING v", in.key, in.value)
	case registerInsert:
		tag, err := conn.Exec(ctx, "INSERT INTO register (id, v) VALUES ($1, $2) ON CONFLICT DO NOTHING", in.key, in.value)
		out.exists = err == nil && tag.RowsAffected() == 1
		return out, err
	}
	return out, row("DELETE FROM register WHERE id = $1 RETURNING v", in.key)
}

// finish reads all rows by one scan: each is a read of its row.
func (r *register) finish(c *client) error {
	found := make(map[int64]int64)
	res := c.run("read all", func(ctx context.Context, o *operation) error {
		return collect(ctx, o.conn, found, "SELECT id, v FROM register")
	})
	if res.outcome != done {
		return res.err
	}
	r.mu.Lock()
	keys := r.keys
	r.mu.Unlock()
	for key := range keys {
		value, exists := found[key]
		r.record(c.id, registerInput{key: key, kind: registerRead}, registerOutput{exists: exists, value: value}, res.call, res.returned)
	}
	return nil
}

// collect reads pairs of integers into a map. The same key twice is an error.
func collect(ctx context.Context, conn *pgx.Conn, into map[int64]int64, sql string, args ...any) error {
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	var key, value int64
	_, err = pgx.ForEachRow(rows, []any{&key, &value}, func() error {
		if _, twice := into[key]; twice {
			return wrongAnswer(fmt.Sprintf("row %d was found twice", key))
		}
		into[key] = value
		return nil
	})
	return err
}

func (r *register) check(v *verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	result, info := porcupine.CheckOperationsVerbose(registerModel, r.ops, porcupineLimit)
	switch result {
	case porcupine.Unknown:
		v.doubt("register: porcupine did not finish within %s", porcupineLimit)
	case porcupine.Illegal:
		text := smallestRegister(r.ops)
		file := fmt.Sprintf("%s/ssmr-fault-register-%d.html", os.TempDir(), os.Getpid())
		if err := porcupine.VisualizePath(registerModel, info, file); err == nil {
			text = explain(text, "picture: "+file)
		}
		v.add(violation{where: "register", what: "a row is not linearizable", text: text})
	}
}

// smallestRegister finds a row that is not linearizable, the shortest beginning of its
// history that is not, and leaves out all reads that are not needed for that.
func smallestRegister(ops []porcupine.Operation) string {
	for _, part := range registerModel.Partition(ops) {
		if legalRegister(part) {
			continue
		}
		ends := make([]int64, 0, len(part))
		for _, op := range part {
			ends = append(ends, op.Return)
		}
		slices.Sort(ends)
		at, _ := slices.BinarySearchFunc(ends, false, func(end int64, _ bool) int {
			if legalRegister(upTo(part, end)) {
				return -1
			}
			return 1
		})
		part = upTo(part, ends[min(at, len(ends)-1)])
		for i := len(part) - 1; i >= 0; i-- {
			if part[i].Input.(registerInput).kind != registerRead {
				continue
			}
			if without := slices.Delete(slices.Clone(part), i, i+1); !legalRegister(without) {
				part = without
			}
		}
		slices.SortFunc(part, func(a, b porcupine.Operation) int { return int(min(max(a.Call-b.Call, -1), 1)) })
		var lines []string
		const shown = 14
		if n := len(part) - shown; n > 0 {
			lines = append(lines, fmt.Sprintf("(%d operations before)", n))
			part = part[n:]
		}
		for _, op := range part {
			until := "on"
			if op.Return < math.MaxInt64 {
				until = "to " + seconds(op.Return)
			}
			lines = append(lines, fmt.Sprintf("client %d, from %s %s: %s", op.ClientId, seconds(op.Call), until,
				describeRegister(op.Input.(registerInput), op.Output.(registerOutput))))
		}
		return strings.Join(lines, "\n")
	}
	return ""
}

func legalRegister(ops []porcupine.Operation) bool {
	result := porcupine.CheckOperationsTimeout(registerModel, ops, 5*time.Second)
	return result != porcupine.Illegal
}

// upTo is the beginning of a history: what has not returned by then is unknown.
func upTo(ops []porcupine.Operation, end int64) []porcupine.Operation {
	var out []porcupine.Operation
	for _, op := range ops {
		switch {
		case op.Call > end:
			continue
		case op.Return > end:
			if op.Input.(registerInput).kind == registerRead {
				continue
			}
			op.Return, op.Output = math.MaxInt64, registerOutput{unknown: true}
		}
		out = append(out, op)
	}
	return out
}

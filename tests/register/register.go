// Package register is load on single rows, and what has to hold of each: it is linearizable
// (Herlihy and Wing 1990), which porcupine decides.
//
//	in := register.Draw(rnd, key)
//	out, err := in.Execute(ctx, conn) // on a table register (register.Columns)
//	history.Add(client, in, out, called, returned)
//	result, text := history.Check(time.Minute)
package register

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"
)

// Columns are those of the table register.
const Columns = "id bigint PRIMARY KEY, v bigint NOT NULL"

// Kind is what an operation does to one row with one value.
type Kind int

// The kinds of operations.
const (
	Read   Kind = iota // the value, or none
	Upsert             // sets the value
	Add                // adds to the value of a row that is there
	Insert             // creates the row unless it is there
	Delete             // deletes the row, and says what it was
	Kinds              // how many there are
)

// String names the kind.
func (k Kind) String() string {
	return [...]string{"read", "upsert", "add", "insert", "delete"}[k]
}

// Input is an operation on a row.
type Input struct {
	Key   int64
	Kind  Kind
	Value int64
}

// Output is what the client was told.
type Output struct {
	Unknown bool // nothing certain
	Exists  bool // Read, Add, Delete: the row was there; Insert: it was created
	Value   int64
}

// Draw makes a random operation on a row.
func Draw(rnd *rand.Rand, key int64) Input {
	in := Input{Key: key, Value: rnd.Int64N(1000)}
	switch n := rnd.IntN(100); {
	case n < 40:
		in.Kind = Read
	case n < 55:
		in.Kind = Upsert
	case n < 75:
		in.Kind = Add
	case n < 87:
		in.Kind = Insert
	default:
		in.Kind = Delete
	}
	return in
}

// Execute does the operation.
func (in Input) Execute(ctx context.Context, conn *pgx.Conn) (Output, error) {
	var out Output
	row := func(sql string, args ...any) error {
		err := conn.QueryRow(ctx, sql, args...).Scan(&out.Value)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		out.Exists = err == nil
		return err
	}
	switch in.Kind {
	case Read:
		return out, row("SELECT v FROM register WHERE id = $1", in.Key)
	case Upsert:
		_, err := conn.Exec(ctx, "INSERT INTO register (id, v) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v", in.Key, in.Value)
		return out, err
	case Add:
		return out, row("UPDATE register SET v = v + $2 WHERE id = $1 RETURNING v", in.Key, in.Value)
	case Insert:
		tag, err := conn.Exec(ctx, "INSERT INTO register (id, v) VALUES ($1, $2) ON CONFLICT DO NOTHING", in.Key, in.Value)
		out.Exists = err == nil && tag.RowsAffected() == 1
		return out, err
	}
	return out, row("DELETE FROM register WHERE id = $1 RETURNING v", in.Key)
}

// Describe tells the operation and what came of it.
func (in Input) Describe(out Output) string {
	text := fmt.Sprintf("%s of row %d", in.Kind, in.Key)
	if in.Kind != Read && in.Kind != Delete {
		text += fmt.Sprintf(" with %d", in.Value)
	}
	switch {
	case out.Unknown:
		return text + ": unknown"
	case in.Kind == Insert:
		return fmt.Sprintf("%s: created %t", text, out.Exists)
	case in.Kind == Upsert:
		return text + ": done"
	case !out.Exists:
		return text + ": no row"
	}
	return fmt.Sprintf("%s: %d", text, out.Value)
}

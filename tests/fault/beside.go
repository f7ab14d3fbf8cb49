package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// beside is something that is done to the tables beside the traffic.
type beside struct {
	name string
	help string
	// statement makes the next statement.
	statement func(*besideState) string
	// least and most are how long to wait between two.
	least, most time.Duration
}

// besides is everything that can be done beside.
var besides = []beside{
	{"moves", "MOVE of random rows to random partitions", moveSome, time.Millisecond, 50 * time.Millisecond},
	{"policies", "ALTER TABLE ... SET (placement = ...), MOVE ... TO POLICY UNPIN", changePolicy, 300 * time.Millisecond, 2 * time.Second},
	{"schema", "ALTER TABLE ... ADD COLUMN, DROP COLUMN", changeSchema, 300 * time.Millisecond, 2 * time.Second},
}

// besideState is what a statement is made of.
type besideState struct {
	rnd    *rand.Rand
	tables []table
	number int
	// columns are those that were added, or may have been, by table.
	columns map[string][]string
	moved   string // the table whose policy was changed last
}

func moveSome(s *besideState) string {
	t := s.tables[s.rnd.IntN(len(s.tables))]
	return fmt.Sprintf("MOVE %s WHERE %s TO PARTITION %d", t.name, t.some(s.rnd), 1+s.rnd.IntN(partitions))
}

func changePolicy(s *besideState) string {
	if s.moved != "" && s.rnd.IntN(2) == 0 {
		name := s.moved
		s.moved = ""
		return fmt.Sprintf("MOVE %s TO POLICY UNPIN", name)
	}
	s.moved = s.tables[s.rnd.IntN(len(s.tables))].name
	policies := []string{"'hash'", "'least_loaded'", "'column', 'placement.columns' = 'id'"}
	return fmt.Sprintf("ALTER TABLE %s SET (placement = %s)", s.moved, policies[s.rnd.IntN(len(policies))])
}

func changeSchema(s *besideState) string {
	name := s.tables[s.rnd.IntN(len(s.tables))].name
	if added := s.columns[name]; len(added) > 2 || len(added) > 0 && s.rnd.IntN(2) == 0 {
		s.columns[name] = added[1:]
		return fmt.Sprintf("ALTER TABLE %s DROP COLUMN IF EXISTS %s", name, added[0])
	}
	s.number++
	column := fmt.Sprintf("extra%d", s.number)
	s.columns[name] = append(s.columns[name], column)
	return fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s text DEFAULT 'x%d'", name, column, s.number)
}

// run does one statement after another until the run ends.
func (b beside) run(stop context.Context, c *client, tables []table) {
	defer c.close()
	state := &besideState{rnd: c.rnd, tables: tables, columns: make(map[string][]string)}
	for stop.Err() == nil {
		if c.ready(stop) {
			sql := b.statement(state)
			c.run(sql, func(ctx context.Context, o *operation) error {
				tag, err := o.conn.Exec(ctx, sql)
				o.note("%s", tag)
				return tolerated(err)
			})
		}
		select {
		case <-time.After(b.least + time.Duration(c.rnd.Int64N(int64(b.most-b.least)))):
		case <-stop.Done():
		}
	}
}

// tolerated makes an ordinary refusal of an error that a schema change may meet: a
// change whose outcome was unknown has taken effect, or is under way.
func tolerated(err error) error {
	pg, ok := err.(*pgconn.PgError)
	if !ok {
		return err
	}
	switch pg.Code {
	case "42701", "42703", "0A000":
		return gaveUp(pg.Code)
	}
	return err
}

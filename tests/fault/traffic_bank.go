package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
)

const (
	bankAccounts = 12
	bankBalance  = 100 // of each account at first
)

// bank is traffic that transfers between accounts: every read of all accounts finds the
// same sum, none is ever below zero, and in the end each has what the acknowledged
// transfers have given it.
type bank struct {
	mu        sync.Mutex // guards what follows
	reads     []bankRead
	transfers []bankTransfer
	finals    []bankRead
}

type bankRead struct {
	result
	how      string
	balances map[int64]int64
}

type bankTransfer struct {
	result
	from, to, amount int64
}

func newBank() *bank { return &bank{} }

func (b *bank) setup(ctx context.Context, conn *pgx.Conn, w *world) error {
	if err := w.create(ctx, conn, "bank", "id bigint PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0)"); err != nil {
		return err
	}
	for id := range bankAccounts {
		if _, err := conn.Exec(ctx, "INSERT INTO bank (id, balance) VALUES ($1, $2)", id, bankBalance); err != nil {
			return err
		}
	}
	return nil
}

func (b *bank) tables() []table {
	return []table{{name: "bank", key: func(rnd *rand.Rand) int64 { return rnd.Int64N(bankAccounts) }}}
}

func (b *bank) step(c *client) {
	if c.rnd.IntN(5) < 2 {
		_ = b.read(c, c.rnd.IntN(4), &b.reads)
		return
	}
	pair := draw(c.rnd, 2, bankAccounts)
	t := bankTransfer{from: pair[0], to: pair[1], amount: 1 + c.rnd.Int64N(40)}
	way := c.rnd.IntN(4)
	if !c.transactions {
		way = 0
	}
	t.result = c.run(fmt.Sprintf("transfer %d from %d to %d", t.amount, t.from, t.to), func(ctx context.Context, o *operation) error {
		switch way {
		case 0:
			return t.atOnce(ctx, o)
		case 1:
			return t.inSteps(ctx, o, "")
		case 2:
			return t.inSteps(ctx, o, " FOR UPDATE")
		}
		return t.relative(ctx, o)
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.transfers = append(b.transfers, t)
}

// atOnce transfers in one statement.
func (t *bankTransfer) atOnce(ctx context.Context, o *operation) error {
	tag, err := o.conn.Exec(ctx, "UPDATE bank SET balance = balance + CASE WHEN id = $1 THEN -$3::bigint ELSE $3::bigint END WHERE id IN ($1, $2)",
		t.from, t.to, t.amount)
	if err == nil && tag.RowsAffected() != 2 {
		err = wrongAnswer(fmt.Sprintf("%d of 2 accounts were changed", tag.RowsAffected()))
	}
	return err
}

// inSteps reads both accounts, computes, and writes both.
func (t *bankTransfer) inSteps(ctx context.Context, o *operation, lock string) error {
	return o.transaction(ctx, "BEGIN", func() error {
		balance := make(map[int64]int64)
		for _, id := range []int64{t.from, t.to} {
			if err := collect(ctx, o.conn, balance, "SELECT id, balance FROM bank WHERE id = $1"+lock, id); err != nil {
				return err
			}
		}
		o.note("found %v", balance)
		if balance[t.from] < t.amount {
			return gaveUp("poor")
		}
		for id, n := range map[int64]int64{t.from: balance[t.from] - t.amount, t.to: balance[t.to] + t.amount} {
			if _, err := o.conn.Exec(ctx, "UPDATE bank SET balance = $2 WHERE id = $1", id, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// relative changes both accounts without a look at them.
func (t *bankTransfer) relative(ctx context.Context, o *operation) error {
	return o.transaction(ctx, "BEGIN ISOLATION LEVEL SERIALIZABLE", func() error {
		for _, change := range [][2]int64{{t.from, -t.amount}, {t.to, t.amount}} {
			if _, err := o.conn.Exec(ctx, "UPDATE bank SET balance = balance + $2 WHERE id = $1", change[0], change[1]); err != nil {
				return err
			}
		}
		return nil
	})
}

// read reads all accounts.
func (b *bank) read(c *client, way int, into *[]bankRead) error {
	r := bankRead{balances: make(map[int64]int64), how: [...]string{"a scan", "keys", "a transaction", "a transaction that writes"}[way]}
	if !c.transactions {
		way %= 2
	}
	consistent := false // all was read, whatever became of the transaction
	r.result = c.run("read all by "+r.how, func(ctx context.Context, o *operation) (err error) {
		defer func() { o.note("%v", r.balances) }()
		switch way {
		case 0:
			return collect(ctx, o.conn, r.balances, "SELECT id, balance FROM bank")
		case 1:
			return collect(ctx, o.conn, r.balances, "SELECT id, balance FROM bank WHERE id = ANY ($1)", draw(c.rnd, bankAccounts, bankAccounts))
		}
		begin := "BEGIN READ ONLY"
		if way == 3 {
			begin = "BEGIN"
		}
		return o.transaction(ctx, begin, func() error {
			middle := c.rnd.Int64N(bankAccounts)
			for _, where := range []string{"id < $1", "id >= $1"} {
				if err := collect(ctx, o.conn, r.balances, "SELECT id, balance FROM bank WHERE "+where, middle); err != nil {
					return err
				}
			}
			consistent = true
			if way == 3 {
				_, err := o.conn.Exec(ctx, "UPDATE bank SET balance = balance WHERE id = $1", middle)
				return err
			}
			return nil
		})
	})
	if r.outcome != done && !consistent {
		return r.err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	*into = append(*into, r)
	return nil
}

func (b *bank) finish(c *client) error { return b.read(c, 0, &b.finals) }

func (b *bank) check(v *verdict) {
	v.add(checkSums(append(slices.Clone(b.reads), b.finals...), b.transfers)...)
	v.add(checkBalances(b.transfers, b.finals)...)
}

// checkSums finds reads of another sum than the constant one. The explanation has the
// transfers that were under way.
func checkSums(reads []bankRead, transfers []bankTransfer) []violation {
	var out []violation
	for i := range reads {
		r := &reads[i]
		sum, least := int64(0), int64(0)
		for _, n := range r.balances {
			sum += n
			least = min(least, n)
		}
		if sum == bankAccounts*bankBalance && len(r.balances) == bankAccounts && least == 0 {
			continue
		}
		lines := []string{r.describe()}
		for j := range transfers {
			t := &transfers[j]
			if t.outcome != refused && t.call < r.returned && (t.outcome == unknown || t.returned > r.call) {
				lines = append(lines, t.describe())
			}
		}
		out = append(out, violation{where: "bank", text: explain(lines...),
			what: fmt.Sprintf("the sum of %d accounts is %d, want %d of %d, none below zero", len(r.balances), sum, bankAccounts*bankBalance, bankAccounts)})
	}
	return out
}

// checkBalances compares what accounts have in the end with the transfers.
func checkBalances(transfers []bankTransfer, finals []bankRead) []violation {
	var out []violation
	least, most := make(map[int64]int64), make(map[int64]int64)
	for id := range int64(bankAccounts) {
		least[id], most[id] = bankBalance, bankBalance
	}
	for _, t := range transfers {
		if t.outcome == refused {
			continue
		}
		least[t.from] -= t.amount
		most[t.to] += t.amount
		if t.outcome == done {
			most[t.from] -= t.amount
			least[t.to] += t.amount
		}
	}
	for i := range finals {
		for id, n := range finals[i].balances {
			if n < least[id] || n > most[id] {
				out = append(out, violation{where: "bank", text: finals[i].describe(),
					what: fmt.Sprintf("account %d has %d in the end; the transfers have left it from %d to %d", id, n, least[id], most[id])})
			}
		}
	}
	return out
}

func (r *bankRead) describe() string {
	text := ""
	for _, id := range slices.Sorted(maps.Keys(r.balances)) {
		text += fmt.Sprintf(" %d:%d", id, r.balances[id])
	}
	return fmt.Sprintf("%s: read by %s:%s", r.span(), r.how, text)
}

func (t *bankTransfer) describe() string {
	return fmt.Sprintf("%s: transfer %d from %d to %d", t.span(), t.amount, t.from, t.to)
}

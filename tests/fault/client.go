package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	operationTimeout = 10 * time.Second
	connectTimeout   = 3 * time.Second
	// operationsOfConnection is after how many operations, on average, a client goes
	// to another node.
	operationsOfConnection = 50
)

// outcome is what a client knows of what it asked for.
type outcome uint8

const (
	done    outcome = iota // it was acknowledged
	refused                // nothing took effect, and nothing will
	unknown                // it may have taken effect, or still may
)

func (o outcome) String() string { return [...]string{"done", "refused", "unknown"}[o] }

// result is what became of one operation.
type result struct {
	outcome
	client         int
	call, returned int64 // of the history's clock
	steps          []string
	err            error
}

// before reports whether an operation was acknowledged before another one began.
func (r *result) before(other *result) bool { return r.outcome == done && r.returned < other.call }

// client does one operation after another, on a connection to a node.
type client struct {
	id      int
	traffic string
	nodes   []*node
	rnd     *rand.Rand
	log     *history
	tally   *tally
	verdict *verdict
	// transactions says that the server has BEGIN and COMMIT.
	transactions bool

	conn *pgx.Conn
	node *node
}

// ready connects the client to a random node if it has to. It reports false where
// that has failed.
func (c *client) ready(ctx context.Context) bool {
	if c.conn != nil && (c.conn.IsClosed() || c.rnd.IntN(operationsOfConnection) == 0) {
		c.close()
	}
	if c.conn != nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	n := c.nodes[c.rnd.IntN(len(c.nodes))]
	conn, err := n.Connect(ctx)
	if err != nil {
		return false
	}
	c.conn, c.node = conn, n
	return true
}

func (c *client) close() {
	if c.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.conn.Close(ctx)
	c.conn = nil
}

// operation is what a client does under way: its statements are noted.
type operation struct {
	conn  *pgx.Conn
	steps []string
	begun bool // it has used a transaction
}

// note adds a line to what the history tells of the operation.
func (o *operation) note(format string, args ...any) {
	o.steps = append(o.steps, fmt.Sprintf(format, args...))
}

// run does one operation and notes it. What f notes is kept; its error says what
// became of it.
func (c *client) run(what string, f func(ctx context.Context, o *operation) error) result {
	ctx, cancel := context.WithTimeout(context.Background(), operationTimeout)
	defer cancel()
	o := &operation{conn: c.conn}
	late := time.AfterFunc(operationTimeout/2, func() { c.node.site.dump(fmt.Sprintf("%s of client %d takes long", c.traffic, c.id)) })
	defer late.Stop()
	r := result{client: c.id, call: c.log.now()}
	r.err = f(ctx, o)
	r.returned, r.steps = c.log.now(), o.steps
	r.outcome = outcomeOf(r.err)
	c.tally.count(r, o.begun)
	l := line{Who: c.traffic, Client: c.id, Node: c.node.Name, From: r.call, To: r.returned, Do: what, Outcome: r.outcome.String(), Steps: o.steps}
	if r.err != nil {
		l.Got = describeError(r.err)
	}
	c.log.write(l)
	if why := forbidden(r.err); why != "" {
		c.verdict.add(violation{where: c.traffic, what: why, text: fmt.Sprintf("%s at %s, on %s: %s\n%s",
			what, time.Duration(r.call), c.node.Name, describeError(r.err), strings.Join(o.steps, "\n"))})
	}
	return r
}

// undone is the error of a transaction that was never asked to commit, or was rolled
// back.
type undone struct{ error }

// Unwrap returns the reason.
func (u undone) Unwrap() error { return u.error }

// transaction runs f between BEGIN and COMMIT. Where f fails nothing takes effect.
func (o *operation) transaction(ctx context.Context, begin string, f func() error) error {
	o.begun = true
	if _, err := o.conn.Exec(ctx, begin); err != nil {
		return undone{err}
	}
	if err := f(); err != nil {
		if !o.conn.IsClosed() {
			if _, rollback := o.conn.Exec(ctx, "ROLLBACK"); rollback != nil {
				err = errors.Join(err, rollback)
			}
		}
		return undone{err}
	}
	tag, err := o.conn.Exec(ctx, "COMMIT")
	if err == nil && tag.String() != "COMMIT" {
		return undone{fmt.Errorf("COMMIT was answered with %s", tag)}
	}
	return err
}

// wrongAnswer is an error of a client that got an answer that must not be.
type wrongAnswer string

// Error says what is wrong.
func (w wrongAnswer) Error() string { return string(w) }

// gaveUp is an error of a client that has found nothing to do.
type gaveUp string

// Error says why.
func (g gaveUp) Error() string { return string(g) }

// outcomeOf says what an error means, by what ssmr promises: all SQLSTATEs but 40003
// say that nothing took effect. A lost connection, or a time-out, says nothing.
func outcomeOf(err error) outcome {
	var u undone
	if errors.As(err, &u) {
		return refused
	}
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return done
	case !errors.As(err, &pg): // pgconn.SafeToRetry also says so of a query that was sent
		return unknown
	case pg.Code == "40003" || pg.Code[:2] == "XX" || pg.Code[:2] == "08":
		return unknown
	}
	return refused
}

// forbidden says what is wrong with an error that no failure and no concurrency
// explains; "" for nothing.
func forbidden(err error) string {
	var wrong wrongAnswer
	if errors.As(err, &wrong) {
		return string(wrong)
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return ""
	}
	switch pg.Code[:2] {
	case "XX":
		return "an internal error"
	case "0A", "21", "22", "25", "26", "34", "42":
		return "an error that nothing explains"
	case "40":
		if pg.Code == "40P01" {
			return "a deadlock"
		}
	}
	return ""
}

func describeError(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err.Error()
	}
	text := pg.Code + " " + pg.Message
	if pg.Detail != "" {
		text += " (" + pg.Detail + ")"
	}
	return text
}

// codeOf names an error in a tally.
func codeOf(err error) string {
	var pg *pgconn.PgError
	var gave gaveUp
	switch {
	case errors.As(err, &pg):
		return pg.Code
	case errors.As(err, &gave):
		return string(gave)
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "connection"
}

// tally counts the outcomes of one traffic.
type tally struct {
	mu       sync.Mutex // guards what follows
	outcomes [3]int
	codes    map[string]int
}

func (t *tally) count(r result, begun bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outcomes[r.outcome]++
	if r.err != nil {
		if t.codes == nil {
			t.codes = make(map[string]int)
		}
		code := codeOf(r.err)
		if code == "40001" && !begun {
			code = "40001 alone" // a statement by itself is tried again by the server
		}
		t.codes[code]++
	}
}

func (t *tally) done() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.outcomes[done]
}

func (t *tally) code(name string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.codes[name]
}

// String tells the counts.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := fmt.Sprintf("%d done, %d refused, %d unknown", t.outcomes[done], t.outcomes[refused], t.outcomes[unknown])
	if len(t.codes) > 0 {
		text += ", errors " + strings.TrimPrefix(fmt.Sprint(t.codes), "map")
	}
	return text
}

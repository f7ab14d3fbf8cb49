package planner

import (
	"context"

	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
	"github.com/ssmr/ssmr/planner/ast"
	"github.com/ssmr/ssmr/planner/execute"
)

// block says what a transaction consists of, and so what ends it.
type block uint8

const (
	// noBlock: nothing has been executed since the last transaction ended.
	noBlock block = iota
	// untilSync: the one statement of a simple query, or what is executed up to a
	// Sync.
	untilSync
	// together: the statements of a simple query.
	together
	// explicit: from the client's BEGIN to its COMMIT or ROLLBACK.
	explicit
)

// transaction is the transaction that a session is in.
type transaction struct {
	block  block
	failed bool // only of an explicit one; others end at once

	// isolation is the level that was asked for. What is given is serializable.
	isolation            string
	readOnly, deferrable bool
	queried              bool // a statement was executed that reads: the modes stand

	// work is what its statements read and write; nil until one needs it. A
	// statement that is a transaction of its own does not.
	work       *execute.Transaction
	savepoints []savepoint // from the oldest
	undo       undo        // of parameters that were set since it began

	// steps are the statements of an implicit one, for executing it again; fixed says
	// that this cannot be done.
	steps     []step
	stepBytes int
	replays   int
	fixed     bool
}

// savepoint is what a session keeps of a savepoint beside execute.Transaction.
type savepoint struct {
	name     string
	readOnly bool
	undo     undo // of parameters that were set since
}

// enter begins a transaction where there is none. Its time is that of the statement.
func (s *Session) enter(kind block) {
	if s.tx.block != noBlock {
		return
	}
	s.tx = transaction{block: kind, isolation: s.defaultIsolation(), readOnly: s.now.readOnly, deferrable: s.now.deferrable}
	s.functions.TransactionTime = s.functions.StatementTime
}

// defaultIsolation is what default_transaction_isolation was set to; where it was
// not, the level that clients of PostgreSQL expect.
func (s *Session) defaultIsolation() string {
	if level, ok := s.given("default_transaction_isolation"); ok {
		return level
	}
	return "read committed"
}

// join returns the transaction's reads and writes, for a statement that takes part.
func (s *Session) join() *execute.Transaction {
	if s.tx.work == nil {
		s.tx.work = s.backend.deps.Executor.Begin(execute.TransactionOptions{ReadOnly: s.tx.readOnly})
	}
	return s.tx.work
}

// commit ends the transaction. After an error, which is 40001 or 40003, nothing of
// it is known to have taken effect.
func (s *Session) commit(ctx context.Context) error {
	s.closePortals()
	for s.tx.work != nil {
		err := s.tx.work.Commit(ctx)
		if err == nil {
			break
		}
		if s.replayable(err) {
			err = s.replay(ctx, err)
		}
		if err != nil {
			s.rollback()
			return err
		}
	}
	s.tx = transaction{}
	s.dropLocals()
	return nil
}

// rollback ends the transaction without effect.
func (s *Session) rollback() {
	s.closePortals()
	if s.tx.work != nil {
		s.tx.work.Rollback()
	}
	for i := len(s.tx.savepoints) - 1; i >= 0; i-- {
		s.takeBack(&s.tx.savepoints[i].undo)
	}
	s.takeBack(&s.tx.undo)
	s.tx = transaction{}
	s.dropLocals()
}

// fail is what an error does: it ends an implicit transaction, and an explicit one
// answers nothing from then on but its end, or the way back to a savepoint. What it
// has written since is dropped at once; without a savepoint its locks, too.
func (s *Session) fail() {
	switch {
	case s.tx.block == noBlock || s.tx.failed:
		return
	case s.tx.block != explicit:
		s.rollback()
		return
	}
	s.tx.failed = true
	s.stopPortals(len(s.tx.savepoints))
	if n := len(s.tx.savepoints); n > 0 {
		last := &s.tx.savepoints[n-1]
		if s.tx.work != nil {
			_ = s.tx.work.RollbackTo(last.name)
		}
		s.takeBack(&last.undo)
		return
	}
	if s.tx.work != nil {
		s.tx.work.Rollback()
	}
	s.takeBack(&s.tx.undo)
}

// Sync ends the implicit transaction of what was executed since the last Sync.
func (s *Session) Sync(ctx context.Context, failed bool) (err error) {
	switch {
	case failed:
		s.fail()
	case s.tx.block == untilSync || s.tx.block == together:
		err = s.commitImplicit(ctx)
	}
	if s.tx.block != explicit {
		s.closePortals()
	}
	s.executed, s.settled = 0, 0
	return err
}

// commitImplicit commits a transaction that ends by itself. Most have nothing to
// commit: their one statement was it.
func (s *Session) commitImplicit(ctx context.Context) error {
	if s.tx.work == nil {
		return s.commit(ctx)
	}
	ctx, end := s.begin(ctx)
	defer end()
	return s.clientError(ctx, s.commit(ctx))
}

// settle commits what an implicit transaction has done so far, for a statement that
// is always a transaction of its own, and begins the next.
func (s *Session) settle(ctx context.Context) error {
	if s.tx.work == nil && len(s.tx.undo) == 0 {
		return nil
	}
	kind := s.tx.block
	if err := s.commit(ctx); err != nil {
		return err
	}
	s.settled = s.executed
	s.enter(kind)
	return nil
}

// Status is the transaction's status.
func (s *Session) Status() session.Status {
	switch {
	case s.tx.block != explicit:
		return session.Idle
	case s.tx.failed:
		return session.Failed
	}
	return session.Active
}

// errAborted answers everything in a transaction that has failed, but what ends it.
var errAborted = pgerror.New(pgerror.InFailedSQLTransaction, "current transaction is aborted, commands ignored until end of transaction block")

// exits reports whether a statement is executed in a transaction that has failed.
func exits(tree ast.Statement) bool {
	switch st := tree.(type) {
	case *ast.Commit, *ast.Rollback, *ast.RollbackTo:
		return true
	case *ast.Unsupported:
		return st.What == prepareTransaction
	}
	return false
}

const prepareTransaction = "PREPARE TRANSACTION"

// control executes the statements about transactions.
func (s *Session) control(ctx context.Context, tree ast.Statement) (tag string, err error) {
	switch st := tree.(type) {
	case *ast.Begin:
		return s.beginBlock(st)
	case *ast.Commit:
		return s.endBlock(ctx, true, st.Chain)
	case *ast.Rollback:
		return s.endBlock(ctx, false, st.Chain)
	case *ast.Savepoint:
		return "SAVEPOINT", s.savepoint(st.Name.Name)
	case *ast.Release:
		return "RELEASE", s.release(st.Name.Name)
	case *ast.RollbackTo:
		return "ROLLBACK", s.rollbackTo(st.Name.Name)
	case *ast.Unsupported:
		if s.tx.failed && st.What == prepareTransaction {
			return s.endBlock(ctx, false, false)
		}
		return "", pgerror.NotSupported("%s", st.What).At(st.Position())
	}
	return "", pgerror.NotSupported("this statement").At(tree.Position())
}

// beginBlock is BEGIN. What was executed before it, since the transaction that it is
// in began, becomes part of the client's.
func (s *Session) beginBlock(st *ast.Begin) (string, error) {
	tag := "BEGIN"
	if st.Start {
		tag = "START TRANSACTION"
	}
	if s.tx.block == explicit {
		s.notice("WARNING", pgerror.ActiveSQLTransaction, "there is already a transaction in progress")
	}
	if err := s.setModes(&st.Modes); err != nil {
		return "", err
	}
	s.tx.block = explicit
	return tag, nil
}

// endBlock is COMMIT or ROLLBACK. A transaction that has failed cannot be committed.
func (s *Session) endBlock(ctx context.Context, commit, chain bool) (tag string, err error) {
	tag = "ROLLBACK"
	if commit && !s.tx.failed {
		tag = "COMMIT"
	}
	was := s.tx
	if was.block != explicit {
		if chain {
			return "", errOnlyInTransaction(tag + " AND CHAIN")
		}
		s.notice("WARNING", pgerror.NoActiveSQLTransaction, "there is no transaction in progress")
	}
	if s.active != nil {
		s.active.over = true
	}
	if tag == "COMMIT" {
		err = s.commit(ctx)
	} else {
		s.rollback()
	}
	if err == nil && chain {
		s.enter(explicit)
		s.tx.isolation, s.tx.readOnly, s.tx.deferrable = was.isolation, was.readOnly, was.deferrable
	}
	return tag, err
}

func errOnlyInTransaction(what string) error {
	return pgerror.New(pgerror.NoActiveSQLTransaction, "%s can only be used in transaction blocks", what)
}

func errNotInTransaction(what string) *pgerror.Error {
	return pgerror.New(pgerror.ActiveSQLTransaction, "%s cannot run inside a transaction block", what)
}

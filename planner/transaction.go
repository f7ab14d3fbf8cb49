package planner

import (
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// transaction executes the statements about transactions and cursors, of which
// there are none yet: each statement is its own transaction.
func (s *Session) transaction(st ast.Statement) (tag string, err error) {
	switch st := st.(type) {
	case *ast.Begin:
		what := "BEGIN"
		if st.Start {
			what = "START TRANSACTION"
		}
		return "", pgerror.New(pgerror.FeatureNotSupported, "transactions of several statements are not supported").
			WithDetail("%s would open one. Each statement is a transaction of its own.", what).At(st.Position())
	case *ast.Commit:
		if st.Chain {
			return "", errOnlyInTransaction("COMMIT AND CHAIN")
		}
		s.notice("WARNING", pgerror.NoActiveSQLTransaction, "there is no transaction in progress")
		return "COMMIT", nil
	case *ast.Rollback:
		if st.Chain {
			return "", errOnlyInTransaction("ROLLBACK AND CHAIN")
		}
		s.notice("WARNING", pgerror.NoActiveSQLTransaction, "there is no transaction in progress")
		return "ROLLBACK", nil
	case *ast.Savepoint:
		return "", errOnlyInTransaction("SAVEPOINT")
	case *ast.Release:
		return "", errOnlyInTransaction("RELEASE SAVEPOINT")
	case *ast.RollbackTo:
		return "", errOnlyInTransaction("ROLLBACK TO SAVEPOINT")
	case *ast.DeclareCursor:
		if st.Hold {
			return "", pgerror.NotSupported("DECLARE CURSOR WITH HOLD").At(st.Position())
		}
		return "", errOnlyInTransaction("DECLARE CURSOR")
	case *ast.Fetch:
		return "", errNoCursor(st.Cursor)
	case *ast.CloseCursor:
		if st.All {
			return "CLOSE CURSOR ALL", nil
		}
		return "", errNoCursor(st.Name)
	case *ast.Unsupported:
		return "", pgerror.NotSupported("%s", st.What).At(st.Position())
	}
	return "", pgerror.NotSupported("this statement").At(st.Position())
}

func errOnlyInTransaction(what string) error {
	return pgerror.New(pgerror.NoActiveSQLTransaction, "%s can only be used in transaction blocks", what)
}

func errNoCursor(name string) error {
	return pgerror.New(pgerror.InvalidCursorName, "cursor \"%s\" does not exist", name)
}

// setTransaction is SET TRANSACTION, or SET SESSION CHARACTERISTICS.
func (s *Session) setTransaction(st *ast.SetTransaction) error {
	if st.Snapshot != "" {
		return pgerror.NotSupported("SET TRANSACTION SNAPSHOT").At(st.Position())
	}
	if !st.Session {
		s.notice("WARNING", pgerror.NoActiveSQLTransaction, "SET TRANSACTION can only be used in transaction blocks")
		return nil
	}
	onOff := func(b bool) string {
		if b {
			return "on"
		}
		return "off"
	}
	if level := isolationName(st.Modes.Isolation); level != "" {
		if err := s.set("default_transaction_isolation", level); err != nil {
			return err
		}
	}
	if st.Modes.ReadOnly != nil {
		if err := s.set("default_transaction_read_only", onOff(*st.Modes.ReadOnly)); err != nil {
			return err
		}
	}
	if st.Modes.Deferrable != nil {
		return s.set("default_transaction_deferrable", onOff(*st.Modes.Deferrable))
	}
	return nil
}

func isolationName(i ast.Isolation) string {
	switch i {
	case ast.ReadUncommitted:
		return "read uncommitted"
	case ast.ReadCommitted:
		return "read committed"
	case ast.RepeatableRead:
		return "repeatable read"
	case ast.Serializable:
		return "serializable"
	}
	return ""
}

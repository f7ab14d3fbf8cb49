package planner

import (
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// setTransaction is SET TRANSACTION, or SET SESSION CHARACTERISTICS.
func (s *Session) setTransaction(st *ast.SetTransaction) error {
	switch {
	case st.Snapshot != "":
		return pgerror.NotSupported("SET TRANSACTION SNAPSHOT").At(st.Position())
	case st.Session:
		return s.setDefaults(&st.Modes)
	case s.tx.block == untilSync:
		s.notice("WARNING", pgerror.NoActiveSQLTransaction, "SET TRANSACTION can only be used in transaction blocks")
	}
	return s.setModes(&st.Modes)
}

// setDefaults sets the modes of transactions to come.
func (s *Session) setDefaults(m *ast.TransactionModes) error {
	if level := isolationName(m.Isolation); level != "" {
		if err := s.set("default_transaction_isolation", level, false); err != nil {
			return err
		}
	}
	if m.ReadOnly != nil {
		if err := s.set("default_transaction_read_only", onOff(*m.ReadOnly), false); err != nil {
			return err
		}
	}
	if m.Deferrable != nil {
		return s.set("default_transaction_deferrable", onOff(*m.Deferrable), false)
	}
	return nil
}

// setModes sets the modes of the transaction that the session is in.
func (s *Session) setModes(m *ast.TransactionModes) error {
	if level := isolationName(m.Isolation); level != "" {
		if err := s.setIsolation(level); err != nil {
			return err
		}
	}
	if m.ReadOnly != nil {
		if err := s.setMode("transaction_read_only", onOff(*m.ReadOnly)); err != nil {
			return err
		}
	}
	if m.Deferrable != nil {
		return s.setMode("transaction_deferrable", onOff(*m.Deferrable))
	}
	return nil
}

// setMode sets one of the parameters that are modes of the transaction. They can
// be weakened only before it has read anything.
func (s *Session) setMode(key, value string) error {
	on := value == "on"
	switch key {
	case "transaction_isolation":
		return s.setIsolation(value)
	case "transaction_read_only":
		switch {
		case on || !s.tx.readOnly:
		case len(s.tx.savepoints) > 0:
			return pgerror.New(pgerror.ActiveSQLTransaction, "cannot set transaction read-write mode inside a read-only transaction")
		case s.tx.queried:
			return pgerror.New(pgerror.ActiveSQLTransaction, "transaction read-write mode must be set before any query")
		}
		s.setReadOnly(on)
	case "transaction_deferrable":
		switch {
		case len(s.tx.savepoints) > 0:
			return pgerror.New(pgerror.ActiveSQLTransaction, "SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction")
		case s.tx.queried:
			return pgerror.New(pgerror.ActiveSQLTransaction, "SET TRANSACTION [NOT] DEFERRABLE must be called before any query")
		}
		s.tx.deferrable = on
	}
	return nil
}

// setIsolation takes the level that is asked for. Every transaction is
// serializable, which is what each of the levels allows.
func (s *Session) setIsolation(level string) error {
	switch {
	case level == s.tx.isolation:
	case s.tx.queried:
		return pgerror.New(pgerror.ActiveSQLTransaction, "SET TRANSACTION ISOLATION LEVEL must be called before any query")
	case len(s.tx.savepoints) > 0:
		return pgerror.New(pgerror.ActiveSQLTransaction, "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction")
	}
	s.tx.isolation = level
	return nil
}

func (s *Session) setReadOnly(on bool) {
	s.tx.readOnly = on
	if s.tx.work != nil {
		s.tx.work.SetReadOnly(on)
	}
}

// mode returns the value of a parameter that is a mode of the transaction.
func (s *Session) mode(key string) string {
	readOnly, deferrable := s.now.readOnly, s.now.deferrable
	if s.tx.block != noBlock {
		readOnly, deferrable = s.tx.readOnly, s.tx.deferrable
	}
	switch key {
	case "transaction_read_only":
		return onOff(readOnly)
	case "transaction_deferrable":
		return onOff(deferrable)
	}
	return "serializable"
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
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

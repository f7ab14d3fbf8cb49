package pgwire

import (
	"context"
	"time"

	"github.com/jackc/pgproto3/v2"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
)

func (c *conn) parse(ctx context.Context, m *pgproto3.Parse) error {
	if err := c.session.Parse(ctx, m.Name, m.Query, m.ParameterOIDs); err != nil {
		return err
	}
	c.w.empty('1')
	return nil
}

func (c *conn) bind(ctx context.Context, m *pgproto3.Bind) error {
	stmt, err := c.session.Statement(m.PreparedStatement)
	if err != nil {
		return err
	}
	params, err := c.parameters(m, stmt.Params)
	if err != nil {
		return err
	}
	if n := len(m.ResultFormatCodes); n > 1 && n != len(stmt.Columns) {
		return pgerror.New(pgerror.ProtocolViolation, "bind message has %d result formats but query has %d columns", n, len(stmt.Columns))
	}
	for _, code := range m.ResultFormatCodes {
		if err := checkFormat(code); err != nil {
			return err
		}
	}
	if err := c.session.Bind(ctx, m.DestinationPortal, m.PreparedStatement, params, m.ResultFormatCodes); err != nil {
		return err
	}
	c.w.empty('2')
	return nil
}

// parameters decodes the parameters of a Bind.
func (c *conn) parameters(m *pgproto3.Bind, types []datum.Type) ([]datum.Datum, error) {
	if n := len(m.ParameterFormatCodes); n > 1 && n != len(m.Parameters) {
		return nil, pgerror.New(pgerror.ProtocolViolation, "bind message has %d parameter formats but %d parameters", n, len(m.Parameters))
	}
	if len(m.Parameters) != len(types) {
		return nil, pgerror.New(pgerror.ProtocolViolation, "bind message supplies %d parameters, but prepared statement \"%s\" requires %d",
			len(m.Parameters), m.PreparedStatement, len(types))
	}
	if len(types) == 0 {
		return nil, nil
	}
	params := make([]datum.Datum, len(types))
	format := c.session.Format()
	for i, b := range m.Parameters {
		code := formatOf(m.ParameterFormatCodes, i)
		if err := checkFormat(code); err != nil {
			return nil, err
		}
		if b == nil {
			continue
		}
		var err error
		if code == 0 {
			params[i], err = datum.ParseText(string(b), types[i], format)
		} else {
			params[i], err = datum.ParseBinary(b, types[i])
		}
		if err != nil {
			return nil, err
		}
	}
	return params, nil
}

func checkFormat(code int16) error {
	if code != 0 && code != 1 {
		return pgerror.New(pgerror.InvalidParameterValue, "unsupported format code: %d", code)
	}
	return nil
}

func (c *conn) describe(m *pgproto3.Describe) error {
	switch m.ObjectType {
	case 'S':
		stmt, err := c.session.Statement(m.Name)
		if err != nil {
			return err
		}
		oids := make([]uint32, len(stmt.Params))
		for i, t := range stmt.Params {
			oids[i] = t.OID
		}
		c.w.send(&pgproto3.ParameterDescription{ParameterOIDs: oids})
		if stmt.Columns == nil {
			c.w.empty('n')
		} else {
			c.w.rowDescription(stmt.Columns, nil)
		}
	case 'P':
		portal, err := c.session.Portal(m.Name)
		if err != nil {
			return err
		}
		if portal.Columns == nil {
			c.w.empty('n')
		} else {
			c.w.rowDescription(portal.Columns, portal.Formats)
		}
	default:
		return pgerror.New(pgerror.ProtocolViolation, "invalid DESCRIBE message subtype %d", m.ObjectType)
	}
	return nil
}

func (c *conn) execute(ctx context.Context, m *pgproto3.Execute) error {
	portal, err := c.session.Portal(m.Portal)
	if err != nil {
		return err
	}
	c.rows = rows{c: c, cols: portal.Columns, formats: portal.Formats, format: c.session.Format()}
	done, err := c.session.Execute(ctx, m.Portal, maxRows(m.MaxRows), c.last(), &c.rows)
	if err != nil {
		return err
	}
	c.complete(done)
	return nil
}

// last reports whether the Execute that was read is known to be the last message
// before a Sync that does anything. A client that waits for an answer has sent
// one, or Flush, so its bytes are here or on their way: they are given a moment.
func (c *conn) last() bool {
	if c.session.Status() != session.Idle {
		return false // a transaction that the client has begun does not end at Sync
	}
	if c.r.r.Buffered() == 0 {
		c.expect(syncPatience)
		_, _ = c.r.r.Peek(1)
		c.expect(0)
	}
	return c.r.syncFollows()
}

const syncPatience = time.Millisecond

// maxRows understands the row limit of Execute: a negative one, which is an
// unsigned number here, means all rows, as 0 does.
func maxRows(n uint32) int64 {
	if int32(n) < 0 {
		return 0
	}
	return int64(n)
}

func (c *conn) closeNamed(m *pgproto3.Close) error {
	switch m.ObjectType {
	case 'S':
		c.session.CloseStatement(m.Name)
	case 'P':
		c.session.ClosePortal(m.Name)
	default:
		return pgerror.New(pgerror.ProtocolViolation, "invalid CLOSE message subtype %d", m.ObjectType)
	}
	c.w.empty('3')
	return nil
}

// sync ends an exchange; failed says that an error was met in it.
func (c *conn) sync(ctx context.Context, failed bool) {
	c.skipping = false
	if err := c.session.Sync(ctx, failed); err != nil {
		c.w.sendError("ERROR", c.clientError(err))
	}
	c.ready()
}

package pgwire

import (
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/internal/session"
)

// rows is the sink of one statement: it writes rows as they come.
type rows struct {
	c        *conn
	describe bool // the result is described before its first row
	cols     []session.Column
	formats  []int16
	format   *datum.Format
}

// Columns describes the result to the client of a simple query.
func (r *rows) Columns(cols []session.Column) error {
	r.cols = cols
	r.format = r.c.session.Format()
	if r.describe {
		r.c.w.rowDescription(cols, nil)
	}
	return r.c.w.err
}

// Row queues a row, and writes when enough has gathered; it blocks while the
// client does not read.
func (r *rows) Row(values []datum.Datum) error {
	if len(values) != len(r.cols) {
		return pgerror.New(pgerror.InternalError, "row of %d values for %d columns", len(values), len(r.cols))
	}
	if err := r.c.w.dataRow(values, r.cols, r.formats, r.format); err != nil {
		return err
	}
	return r.c.w.flushFull()
}

package execute

import (
	"context"

	"github.com/ssmr/ssmr/internal/datum"
)

// rows is a stream of rows that is pulled. It belongs to one goroutine.
type rows interface {
	// next returns the next row, which is valid until next or close is called;
	// false at the end. After an error or the end it is not called again.
	next(ctx context.Context) ([]datum.Datum, bool, error)
	// close ends the stream early, or confirms its end. It may be called again.
	close()
}

// noRows is an empty stream.
type noRows struct{}

func (noRows) next(context.Context) ([]datum.Datum, bool, error) { return nil, false, nil }
func (noRows) close()                                            {}

// keptRows is a stream of rows that are held.
type keptRows struct {
	rows [][]datum.Datum
	at   int
}

func (r *keptRows) next(context.Context) ([]datum.Datum, bool, error) {
	if r.at >= len(r.rows) {
		return nil, false, nil
	}
	row := r.rows[r.at]
	r.rows[r.at] = nil
	r.at++
	return row, true, nil
}

func (r *keptRows) close() { r.rows, r.at = nil, 0 }

// encodedRows is a stream of rows as partitions send them.
type encodedRows struct {
	rows  [][]byte
	width int
	row   []datum.Datum
}

func (r *encodedRows) next(context.Context) ([]datum.Datum, bool, error) {
	if len(r.rows) == 0 {
		return nil, false, nil
	}
	var err error
	r.row, err = decodeRow(r.rows[0], r.row, r.width)
	r.rows = r.rows[1:]
	return r.row, err == nil, err
}

func (r *encodedRows) close() { r.rows = nil }

// decodeRow decodes a row that a partition sent into the room of the last one.
func decodeRow(b []byte, room []datum.Datum, width int) ([]datum.Datum, error) {
	row, err := datum.DecodeTuple(b, room[:0])
	if err != nil {
		return row, internalError("a partition's row: %w", err)
	}
	if len(row) != width {
		return row, internalError("a partition's row has %d columns, not %d", len(row), width)
	}
	return row, nil
}

// datumBytes is about what a value takes in memory beside its text.
const datumBytes = 48

// rowBytes is about what a row takes in memory.
func rowBytes(row []datum.Datum) int64 {
	n := int64(24 + datumBytes*len(row))
	for i := range row {
		switch row[i].Kind() {
		case datum.KindText, datum.KindJSON, datum.KindJSONB:
			n += int64(len(row[i].Text()))
		case datum.KindBytes:
			n += int64(len(row[i].ByteString()))
		case datum.KindNumeric:
			n += 64
		case datum.KindArray:
			n += 64 + rowBytes(row[i].Array().Elems)
		}
	}
	return n
}

// cloneRow copies a row that is to outlive the next call.
func cloneRow(row []datum.Datum) []datum.Datum {
	return append(make([]datum.Datum, 0, len(row)), row...)
}

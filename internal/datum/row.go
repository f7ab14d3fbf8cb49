package datum

import "errors"

// ErrMalformed is in the chain of every error of the decoders of stored values:
// the bytes are not what the encoder of this version, or an older one, writes.
var ErrMalformed = errors.New("malformed value encoding")

func notYet() error { return errors.New("not written yet") }

// AppendDatum appends the self-describing encoding of a value. It is on disk and
// on the wire, and does not change. Values that differ in any way, also in what
// Compare does not see, have different encodings; the same value always has the
// same.
func AppendDatum(dst []byte, d Datum) []byte {
	return dst
}

// DecodeDatum is the inverse of AppendDatum; it returns what follows the value.
func DecodeDatum(b []byte) (d Datum, rest []byte, err error) {
	return Datum{}, b, notYet()
}

// AppendTuple appends the encoding of a sequence of values.
func AppendTuple(dst []byte, values []Datum) []byte {
	return dst
}

// DecodeTuple is the inverse of AppendTuple for all of b: it appends the values
// to into and returns it.
func DecodeTuple(b []byte, into []Datum) ([]Datum, error) {
	return into, notYet()
}

// AppendRow appends the encoding of a stored row: the values of columns 0 to
// len(values)-1. Columns behind are absent: they did not exist when the row was
// written.
func AppendRow(dst []byte, values []Datum) []byte {
	return dst
}

// Columns is a set of column indexes; nil is the set of all columns.
type Columns []uint64

// With returns the set with a column added; a nil set is taken for an empty one.
func (c Columns) With(column int) Columns {
	for len(c) <= column/64 {
		c = append(c, 0)
	}
	c[column/64] |= 1 << (column % 64)
	return c
}

// Has reports whether the column is in the set.
func (c Columns) Has(column int) bool {
	return c == nil || column/64 < len(c) && c[column/64]>>(column%64)&1 == 1
}

// DecodeRow decodes the columns of a stored row that are needed (nil: all) into
// into, whose length is that of the table's columns. Columns that are absent
// from the row get missing's value (catalog.Column.Missing, decoded), NULL where
// missing is shorter. Columns that are not needed keep what into held. The row
// may have more columns than into.
func DecodeRow(b []byte, into []Datum, needed Columns, missing []Datum) error {
	return notYet()
}

// RowWidth returns the number of columns that are in the row: those with an
// index at or above it are absent.
func RowWidth(b []byte) (int, error) {
	return 0, notYet()
}

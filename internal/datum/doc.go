// Package datum is the values of the database: their types, their order, and
// their encodings.
//
// A [Type] is a PostgreSQL OID with a type modifier. A [Datum] is a value of
// one of a few kinds ([Kind]), or NULL; it does not know its type, so that what
// depends on the type (whether an integer is sent in four bytes or eight, how
// far a character(n) is padded) is told by the caller.
//
// # Encodings
//
// Each value can be written in four ways:
//
//   - as text: [AppendText], [ParseText]. What PostgreSQL 15 writes and reads,
//     with its errors; a [Format] holds the settings that matter.
//   - in the binary format of the protocol: [AppendBinary], [ParseBinary].
//   - as a part of a key: [AppendKey], [DecodeKey]. Byte order is value order.
//     Parts are strung together; an encoding of the first columns is a prefix of
//     the keys that begin with these values, and [PrefixEnd] is where they end.
//     Equality is all that a key keeps: numeric 1.50 and 1.5 have the same bytes.
//     A table whose key holds numerics without a scale, or intervals, keeps the
//     columns of the key in the row too.
//   - self-describing: [AppendDatum], [AppendTuple] for sequences of values (rows
//     of results, parameters), [AppendRow] for stored rows. These lose nothing, and
//     the same value always has the same bytes.
//
// A stored row names its columns by index. A column behind its end is absent:
// it was added after the row was written, and [DecodeRow] gives it the value
// that the catalog has for that. [DecodeRow] decodes only the columns that are
// asked for.
//
// Keys and self-describing encodings are on disk and on the wire between nodes
// of different versions: they are only ever added to. Their decoders take any
// input, keep none of it, bound what they allocate by its length, and fail with
// [ErrMalformed]. Parsers of what clients send fail with *pgerror.Error.
//
// # Order and equality
//
// [Compare], [Equal] and [Hash] agree with each other and with the order of
// keys: texts by their bytes (collation C), NaN above all numbers, NULL above
// all values. Values of different kinds do not mix: convert first.
//
// # What is kept how
//
// Dates are days, timestamps microseconds, both since 2000-01-01, as in
// PostgreSQL; their ends mean infinity. A character(n) is held without its
// trailing spaces, which makes comparison, length and the cast to text right by
// itself; [AppendText] and [AppendBinary] pad it by the type's modifier. A json is
// the text as it came; a jsonb is the text in PostgreSQL's output form, whose
// numbers compare as numbers. [ViewJSON] moves through both without parsing
// more than it passes.
//
//	d, err := datum.ParseText("12.50", datum.NumericOf(10, 2), nil)
//	...
//	key, err = datum.AppendKey(key, d, datum.NumericOf(10, 2))
//	out = datum.AppendText(out, d, datum.NumericOf(10, 2), session.Format())
//
// # Limits
//
// A numeric has up to 131072 digits before the point and 16383 behind it, an
// array up to 6 dimensions, a JSON value is nested up to [MaxJSONDepth] deep, a
// jsonb has up to [MaxJSONBSize] bytes, and the numbers of an array are not much
// longer than their input ([MaxGrowth]).
// Dates go from 4713 BC to 5874897 AD, timestamps to 294276 AD. json and jsonb
// cannot be keys. 'now', 'today' and their like need [Format].Now: inside
// partitions, where the time is not known, they are refused. The rules of time
// zones come with the program, so that they are the same on all replicas: find
// zones by [ParseTimeZone] and [AtTimeZone], not by package time.
// PostgreSQL's labelled input like 'y2001m02d04' is read; of POSIX time zones
// those with daylight saving rules are not, unless they are in the database.
package datum

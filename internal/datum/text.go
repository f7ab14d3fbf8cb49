package datum

// AppendText appends the text that PostgreSQL writes for a value of the type.
// For NULL it appends nothing: the caller tells NULL from an empty text. f may
// be nil.
func AppendText(dst []byte, d Datum, t Type, f *Format) []byte {
	return dst
}

// ParseText reads a value of the type from its text, as PostgreSQL's input
// functions do, and applies the type's modifier as an assignment does. Errors
// are *pgerror.Error with PostgreSQL's texts and codes (22P02, 22003, 22007,
// 22008, 22021, 22001, ...). f may be nil.
func ParseText(s string, t Type, f *Format) (Datum, error) {
	return Datum{}, notYet()
}

// Cut of the type's modifier: see ApplyMod.

// ApplyMod fits a value of the type to the type's modifier: it rounds a numeric
// (22003), shortens a text, rounds times. Where explicit is false, a text that
// is too long for other reasons than trailing spaces is refused (22001), as in
// an assignment; where it is true, it is cut, as by a cast.
func ApplyMod(d Datum, t Type, explicit bool) (Datum, error) {
	return d, nil
}

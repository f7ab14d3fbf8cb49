package datum

// AppendBinary appends PostgreSQL's binary format of a value of the type. For
// NULL it appends nothing.
func AppendBinary(dst []byte, d Datum, t Type) []byte {
	return dst
}

// ParseBinary reads a value of the type from PostgreSQL's binary format and
// applies the type's modifier as an assignment does. Errors are *pgerror.Error
// (08P01, 22P03, 22021, 22003, ...). The value does not keep b.
func ParseBinary(b []byte, t Type) (Datum, error) {
	return Datum{}, notYet()
}

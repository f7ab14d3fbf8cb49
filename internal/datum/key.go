package datum

// AppendKey appends the encoding of a value of the type as a part of a key. The
// bytes order as the values do (NULL last), equal values have equal bytes, and
// no encoding is the prefix of another, so that parts can be strung together
// and the encoding of the first columns is a prefix of all keys that begin with
// these values (see PrefixEnd). json and jsonb are refused with 0A000.
func AppendKey(dst []byte, d Datum, t Type) ([]byte, error) {
	return dst, notYet()
}

// AppendKeyPrefix appends the beginning that the encodings of all texts (or
// byteas) have that begin with the given one: for LIKE 'abc%'.
func AppendKeyPrefix(dst []byte, d Datum) []byte {
	return dst
}

// PrefixEnd returns the first key that is greater than all keys that begin with
// the prefix; nil where there is none. It does not change prefix.
func PrefixEnd(prefix []byte) []byte {
	return nil
}

// DecodeKey is the inverse of AppendKey for a whole key: one value for each
// type. It gives values that are equal to the originals; what equality does not
// see is lost (a numeric's trailing zeros, unless the type has a scale; the way
// an interval was split into months, days and microseconds).
func DecodeKey(b []byte, types []Type) ([]Datum, error) {
	return nil, notYet()
}

// DecodeKeyPart decodes the first value of a key and returns the rest.
func DecodeKeyPart(b []byte, t Type) (d Datum, rest []byte, err error) {
	return Datum{}, b, notYet()
}

package datum

// Compare orders two values of the same kind as PostgreSQL's btree operators do
// (texts by their bytes; NaN is the greatest number; -0 equals 0), and returns
// -1, 0 or 1. NULL is greater than all values and equal to NULL. Values of
// different kinds are ordered by kind, json by its text.
func Compare(a, b Datum) int {
	return 0
}

// Equal reports whether Compare is 0: NULL equals NULL.
func Equal(a, b Datum) bool { return Compare(a, b) == 0 }

// Hash mixes a value into a hash: values that are Equal give the same. The
// function is the same on all nodes and in all versions.
func Hash(seed uint64, d Datum) uint64 {
	return seed
}

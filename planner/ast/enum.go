package ast

// word returns the word of an enumeration's value.
func word[E ~uint8](e E, words ...string) string {
	if int(e) < len(words) {
		return words[e]
	}
	return "?"
}

// String returns SQL's words for it.
func (e LiteralKind) String() string {
	return word(e, "null", "bool", "integer", "numeric", "string", "bits", "hex bits")
}

// String returns SQL's words for it.
func (e Truth) String() string {
	return word(e, "true", "false", "unknown")
}

// String returns SQL's words for it.
func (e LikeKind) String() string {
	return word(e, "like", "ilike", "similar")
}

// String returns SQL's words for it.
func (e GroupingKind) String() string {
	return word(e, "empty", "rollup", "cube", "sets")
}

// String returns SQL's words for it.
func (e SetOp) String() string {
	return word(e, "none", "union", "intersect", "except")
}

// String returns SQL's words for it.
func (e Nulls) String() string {
	return word(e, "default", "first", "last")
}

// String returns SQL's words for it.
func (e LockStrength) String() string {
	return word(e, "key share", "share", "no key update", "update")
}

// String returns SQL's words for it.
func (e LockWait) String() string {
	return word(e, "block", "nowait", "skip locked")
}

// String returns SQL's words for it.
func (e Materialized) String() string {
	return word(e, "default", "materialized", "not materialized")
}

// String returns SQL's words for it.
func (e JoinKind) String() string {
	return word(e, "inner", "left", "right", "full", "cross")
}

// String returns SQL's words for it.
func (e FrameMode) String() string {
	return word(e, "none", "range", "rows", "groups")
}

// String returns SQL's words for it.
func (e BoundKind) String() string {
	return word(e, "unbounded preceding", "preceding", "current row", "following", "unbounded following")
}

// String returns SQL's words for it.
func (e Exclusion) String() string {
	return word(e, "none", "current row", "group", "ties")
}

// String returns SQL's words for it.
func (e Overriding) String() string {
	return word(e, "none", "system", "user")
}

// String returns SQL's words for it.
func (e Persistence) String() string {
	return word(e, "permanent", "temporary", "unlogged")
}

// String returns SQL's words for it.
func (e ConstraintKind) String() string {
	return word(e, "not null", "null", "default", "check", "primary key", "unique", "foreign key", "identity", "generated", "exclude")
}

// String returns SQL's words for it.
func (e ColumnChange) String() string {
	return word(e, "set default", "drop default", "set not null", "drop not null", "type")
}

// String returns SQL's words for it.
func (e SetScope) String() string {
	return word(e, "session", "local")
}

// String returns SQL's words for it.
func (e Isolation) String() string {
	return word(e, "default", "read uncommitted", "read committed", "repeatable read", "serializable")
}

// String returns SQL's words for it.
func (e FetchDirection) String() string {
	return word(e, "forward", "backward", "absolute", "relative")
}

// String returns SQL's words for it.
func (e DiscardWhat) String() string {
	return word(e, "all", "plans", "sequences", "temp")
}

// String returns SQL's words for it.
func (e PinClause) String() string {
	return word(e, "default", "pin", "no pin")
}

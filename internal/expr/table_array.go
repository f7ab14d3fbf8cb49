package expr

// arrayFunctions is the functions of arrays, with the oids, types and properties that
// PostgreSQL 15 gives them (pg_proc).
func arrayFunctions() []fun {
	return []fun{
		{378, "array_append", "anycompatiblearray,anycompatible", "anycompatiblearray", "in", fnx(arrayAppend)},
		{383, "array_cat", "anycompatiblearray,anycompatiblearray", "anycompatiblearray", "in", fnx(arrayCat)},
		{747, "array_dims", "anyarray", "text", "", fn1(arrayDims)},
		{744, "array_eq", "anyarray,anyarray", "bool", "", opEq},
		{1193, "array_fill", "anyelement,_int4", "anyarray", "in", fnx(arrayFill)},
		{1286, "array_fill", "anyelement,_int4,_int4", "anyarray", "in", fnx(arrayFill)},
		{396, "array_ge", "anyarray,anyarray", "bool", "", opGe},
		{392, "array_gt", "anyarray,anyarray", "bool", "", opGt},
		{393, "array_le", "anyarray,anyarray", "bool", "", opLe},
		{2176, "array_length", "anyarray,int4", "int4", "", fn2(arrayLength)},
		{2091, "array_lower", "anyarray,int4", "int4", "", fn2(arrayLower)},
		{391, "array_lt", "anyarray,anyarray", "bool", "", opLt},
		{748, "array_ndims", "anyarray", "int4", "", fn1(arrayNDims)},
		{390, "array_ne", "anyarray,anyarray", "bool", "", opNe},
		{3277, "array_position", "anycompatiblearray,anycompatible", "int4", "in", fnx(arrayPosition)},
		{3278, "array_position", "anycompatiblearray,anycompatible,int4", "int4", "in", fnx(arrayPosition)},
		{3279, "array_positions", "anycompatiblearray,anycompatible", "_int4", "in", fnx(arrayPositions)},
		{379, "array_prepend", "anycompatible,anycompatiblearray", "anycompatiblearray", "in", fnx(arrayPrepend)},
		{3167, "array_remove", "anycompatiblearray,anycompatible", "anycompatiblearray", "in", fnx(arrayRemove)},
		{3168, "array_replace", "anycompatiblearray,anycompatible,anycompatible", "anycompatiblearray", "in", fnx(arrayReplace)},
		{384, "array_to_string", "anyarray,text,text", "text", "sn", fnx(arrayToString)},
		{395, "array_to_string", "anyarray,text", "text", "s", fnx(arrayToString)},
		{2092, "array_upper", "anyarray,int4", "int4", "", fn2(arrayUpper)},
		{2749, "arraycontained", "anyarray,anyarray", "bool", "", swap(arrayContains)},
		{2748, "arraycontains", "anyarray,anyarray", "bool", "", fn2(arrayContains)},
		{2747, "arrayoverlap", "anyarray,anyarray", "bool", "", fn2(arrayOverlap)},
		{3179, "cardinality", "anyarray", "int4", "", fn1(cardinality)},
		{376, "string_to_array", "text,text,text", "_text", "in", fnx(stringToArray)},
		{394, "string_to_array", "text,text", "_text", "in", fnx(stringToArray)},
		{6172, "trim_array", "anyarray,int4", "anyarray", "", fnx(trimArray)},
		{3218, "width_bucket", "anycompatible,anycompatiblearray", "int4", "", nil},
	}
}

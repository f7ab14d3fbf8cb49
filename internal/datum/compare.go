package datum

import (
	"cmp"
	"math"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// Compare orders two values of the same kind as PostgreSQL's btree operators do
// (texts by their bytes; NaN is the greatest number; -0 equals 0), and returns
// -1, 0 or 1. NULL is greater than all values and equal to NULL. Values of
// different kinds are ordered by kind, json by its text.
func Compare(a, b Datum) int {
	if a.kind != b.kind {
		return compareKinds(a.kind, b.kind)
	}
	switch a.kind {
	case KindBool, KindInt, KindDate, KindTime, KindTimestamp, KindTimestampTZ:
		return cmpOrdered(a.n, b.n)
	case KindText, KindBytes, KindJSON:
		return strings.Compare(a.s, b.s)
	case KindFloat:
		return compareFloat(math.Float64frombits(uint64(a.n)), math.Float64frombits(uint64(b.n)))
	case KindUUID:
		if a.n != b.n {
			return cmpOrdered(uint64(a.n), uint64(b.n))
		}
		return cmpOrdered(uint64(a.m), uint64(b.m))
	case KindInterval:
		return compareInterval(a.Interval(), b.Interval())
	case KindNumeric:
		return compareNumeric(&a.x.dec, &b.x.dec)
	case KindJSONB:
		return compareJSONB(a.s, b.s)
	case KindArray:
		return compareArray(&a.x.arr, &b.x.arr)
	}
	return 0
}

// Equal reports whether Compare is 0: NULL equals NULL.
func Equal(a, b Datum) bool {
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case KindText, KindBytes, KindJSON:
		return a.s == b.s
	case KindArray:
		if len(a.x.arr.Elems) != len(b.x.arr.Elems) {
			return false
		}
	}
	return Compare(a, b) == 0
}

func compareKinds(a, b Kind) int {
	if a == KindNull {
		return 1
	}
	if b == KindNull {
		return -1
	}
	return cmpOrdered(a, b)
}

func cmpOrdered[T cmp.Ordered](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func compareFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	case a == b:
		return 0
	}
	// One at least is NaN.
	switch {
	case !math.IsNaN(a):
		return -1
	case !math.IsNaN(b):
		return 1
	}
	return 0
}

const microsPerDay = 24 * 60 * 60 * 1000000

// span is an interval as PostgreSQL compares it: a month is 30 days, a day is 24
// hours. micros is in [0, microsPerDay).
func span(v IntervalValue) (days, micros int64) {
	days = int64(v.Months)*30 + int64(v.Days) + v.Micros/microsPerDay
	micros = v.Micros % microsPerDay
	if micros < 0 {
		days, micros = days-1, micros+microsPerDay
	}
	return days, micros
}

func compareInterval(a, b IntervalValue) int {
	da, ma := span(a)
	db, mb := span(b)
	if da != db {
		return cmpOrdered(da, db)
	}
	return cmpOrdered(ma, mb)
}

// compareArray: the elements first, then their number, then the dimensions.
func compareArray(a, b *Array) int {
	for i := range min(len(a.Elems), len(b.Elems)) {
		if c := Compare(a.Elems[i], b.Elems[i]); c != 0 {
			return c
		}
	}
	if c := cmpOrdered(len(a.Elems), len(b.Elems)); c != 0 {
		return c
	}
	if c := cmpOrdered(len(a.Dims), len(b.Dims)); c != 0 {
		return c
	}
	for i := range a.Dims {
		if c := cmpOrdered(a.Dims[i].Len, b.Dims[i].Len); c != 0 {
			return c
		}
	}
	for i := range a.Dims {
		if c := cmpOrdered(a.Dims[i].Lower, b.Dims[i].Lower); c != 0 {
			return c
		}
	}
	return 0
}

// Hash mixes a value into a hash: values that are Equal give the same. The
// function is the same on all nodes and in all versions.
func Hash(seed uint64, d Datum) uint64 {
	h := mix(seed ^ uint64(d.kind)*0x9e3779b97f4a7c15)
	switch d.kind {
	case KindText, KindBytes, KindJSON:
		return mix(h ^ xxhash.Sum64String(d.s))
	case KindFloat:
		f := math.Float64frombits(uint64(d.n))
		if f == 0 { // -0 too
			return mix(h)
		}
		return mix(h ^ uint64(d.n))
	case KindUUID:
		return mix(mix(h^uint64(d.n)) ^ uint64(d.m))
	case KindInterval:
		days, micros := span(d.Interval())
		return mix(mix(h^uint64(days)) ^ uint64(micros))
	case KindNumeric:
		var buf [64]byte
		return mix(h ^ xxhash.Sum64(appendNumericKey(buf[:0], &d.x.dec)))
	case KindJSONB:
		return hashJSONB(h, d.s)
	case KindArray:
		for _, e := range d.x.arr.Elems {
			h = Hash(h, e)
		}
		for _, dim := range d.x.arr.Dims {
			h = mix(h ^ uint64(uint32(dim.Len))<<32 ^ uint64(uint32(dim.Lower)))
		}
		return h
	}
	return mix(h ^ uint64(d.n))
}

// mix is the finaliser of splitmix64.
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

package expr

import (
	"math"

	"github.com/cockroachdb/apd/v3"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// castFunctions are the functions behind castTable, by "from to".
var castFunctions = map[string]castFunction{
	"bool int4": boolInt, "bool text": boolText, "bool varchar": boolText, "bool bpchar": boolText,
	"int4 bool": intBool, "int4 oid": signedToOID, "oid int4": oidToSigned,
	"int2 int4": keep, "int2 int8": keep, "int4 int8": keep, "int2 oid": keep, "oid int8": keep,
	"int4 int2": narrow2, "int8 int2": narrow2, "int8 int4": narrow4, "int8 oid": toOID,
	"int2 float4": intReal, "int4 float4": intReal, "int8 float4": intReal,
	"int2 float8": intFloat, "int4 float8": intFloat, "int8 float8": intFloat,
	"int2 numeric": intNumeric, "int4 numeric": intNumeric, "int8 numeric": intNumeric,
	"float4 float8": keep, "float8 float4": castReal,
	"float4 int2": floatInt("smallint"), "float4 int4": floatInt("integer"), "float4 int8": floatInt("bigint"),
	"float8 int2": floatInt("smallint"), "float8 int4": floatInt("integer"), "float8 int8": floatInt("bigint"),
	"float4 numeric": floatNumeric(true), "float8 numeric": floatNumeric(false),
	"numeric int2": numericInt("smallint"), "numeric int4": numericInt("integer"), "numeric int8": numericInt("bigint"),
	"numeric float4": numericReal, "numeric float8": numericDouble,
	"bpchar text": keep, "bpchar varchar": keep, "bpchar name": toName, "text name": toName, "varchar name": toName,
	"name text": keep, "name varchar": keep, "name bpchar": keep,
	"date timestamp": dateToTimestamp, "date timestamptz": dateToTimestampTZ,
	"timestamp date": timestampToDate, "timestamp time": timestampToTime, "timestamp timestamptz": timestampToTZ,
	"timestamptz date": tzToDate, "timestamptz time": tzToTime, "timestamptz timestamp": tzToTimestamp,
	"time interval": timeToInterval, "interval time": intervalToTime,
	"jsonb bool": jsonbTo("boolean"), "jsonb numeric": jsonbTo("numeric"), "jsonb int2": jsonbTo("smallint"),
	"jsonb int4": jsonbTo("integer"), "jsonb int8": jsonbTo("bigint"), "jsonb float4": jsonbTo("real"),
	"jsonb float8": jsonbTo("double precision"),
}

func keep(_ *Env, v datum.Datum) (datum.Datum, error) { return v, nil }

func boolInt(_ *Env, v datum.Datum) (datum.Datum, error) {
	if v.Bool() {
		return datum.NewInt(1), nil
	}
	return datum.NewInt(0), nil
}

func boolText(_ *Env, v datum.Datum) (datum.Datum, error) {
	if v.Bool() {
		return datum.NewText("true"), nil
	}
	return datum.NewText("false"), nil
}

func intBool(_ *Env, v datum.Datum) (datum.Datum, error) { return datum.NewBool(v.Int() != 0), nil }

func narrow2(_ *Env, v datum.Datum) (datum.Datum, error) { return int2(v.Int()) }

func narrow4(_ *Env, v datum.Datum) (datum.Datum, error) { return int4(v.Int()) }

func signedToOID(_ *Env, v datum.Datum) (datum.Datum, error) {
	return datum.NewInt(int64(uint32(v.Int()))), nil
}

func oidToSigned(_ *Env, v datum.Datum) (datum.Datum, error) {
	return datum.NewInt(int64(int32(v.Int()))), nil
}

func toOID(_ *Env, v datum.Datum) (datum.Datum, error) {
	if v.Int() != int64(uint32(v.Int())) {
		return v, pgerror.New(pgerror.NumericValueOutOfRange, "OID out of range")
	}
	return v, nil
}

func intReal(_ *Env, v datum.Datum) (datum.Datum, error) {
	return datum.NewFloat(float64(float32(v.Int()))), nil
}

func intFloat(_ *Env, v datum.Datum) (datum.Datum, error) {
	return datum.NewFloat(float64(v.Int())), nil
}

func intNumeric(_ *Env, v datum.Datum) (datum.Datum, error) {
	return datum.NewNumeric(apd.New(v.Int(), 0)), nil
}

func castReal(_ *Env, v datum.Datum) (datum.Datum, error) { return toFloat4(v.Float()) }

func floatInt(name string) castFunction {
	limit := map[string]float64{"smallint": 1 << 15, "integer": 1 << 31, "bigint": 1 << 63}[name]
	return func(_ *Env, v datum.Datum) (datum.Datum, error) {
		f := math.RoundToEven(v.Float())
		if !(f >= -limit && f < limit) {
			return datum.Datum{}, rangeError(name)
		}
		return datum.NewInt(int64(f)), nil
	}
}

func floatNumeric(single bool) castFunction {
	return func(_ *Env, v datum.Datum) (datum.Datum, error) { return floatToNumeric(v.Float(), single), nil }
}

// floatToNumeric keeps 6 digits of a real and 15 of a double precision.
func floatToNumeric(f float64, single bool) datum.Datum {
	switch {
	case math.IsNaN(f):
		return numericNaN()
	case math.IsInf(f, 0):
		return numericInf(f < 0)
	}
	digits, bits := 15, 64
	if single {
		digits, bits = 6, 32
	}
	var d apd.Decimal
	if _, _, err := d.SetString(formatG(f, digits, bits)); err != nil {
		return numericNaN()
	}
	return datum.NewNumeric(&d)
}

func numericInt(name string) castFunction {
	return func(_ *Env, v datum.Datum) (datum.Datum, error) {
		d := v.Numeric()
		if special(d) {
			what := "NaN"
			if !nan(d) {
				what = "infinity"
			}
			return datum.Datum{}, pgerror.New(pgerror.FeatureNotSupported, "cannot convert %s to %s", what, name)
		}
		if d.NumDigits()+int64(d.Exponent) > 20 {
			return datum.Datum{}, rangeError(name)
		}
		n := numOf(d).round(0).coef
		if name == "smallint" && (!n.IsInt64() || n.Int64() != int64(int16(n.Int64()))) {
			return datum.Datum{}, rangeError(name)
		}
		return intOf(name, n)
	}
}

func numericDouble(_ *Env, v datum.Datum) (datum.Datum, error) {
	f := numericFloat(v.Numeric())
	if math.IsInf(f, 0) && !special(v.Numeric()) {
		return datum.Datum{}, outOfRangeText(v, "double precision")
	}
	return datum.NewFloat(f), nil
}

func numericReal(_ *Env, v datum.Datum) (datum.Datum, error) {
	f := float64(float32(numericFloat(v.Numeric())))
	if math.IsInf(f, 0) && !special(v.Numeric()) || f == 0 && signOf(v.Numeric()) != 0 && !nan(v.Numeric()) {
		return datum.Datum{}, outOfRangeText(v, "real")
	}
	return datum.NewFloat(f), nil
}

func outOfRangeText(v datum.Datum, typ string) error {
	return pgerror.New(pgerror.NumericValueOutOfRange, "%q is out of range for type %s", textOf(nil, v, datum.Numeric), typ)
}

// maxName is the length of a name in bytes.
const maxName = 63

func toName(_ *Env, v datum.Datum) (datum.Datum, error) {
	s := v.Text()
	if len(s) > maxName {
		s = cutBytes(s, maxName)
	}
	return datum.NewText(s), nil
}

// jsonbTo converts a scalar of a jsonb.
func jsonbTo(name string) castFunction {
	return func(env *Env, v datum.Datum) (datum.Datum, error) {
		j := datum.ViewJSON(v)
		want := datum.JSONNumber
		if name == "boolean" {
			want = datum.JSONBool
		}
		if k := j.Kind(); k != want {
			return datum.Datum{}, pgerror.New(pgerror.InvalidParameterValue, "cannot cast jsonb %s to type %s", jsonCastName(k), name)
		}
		if name == "boolean" {
			return datum.NewBool(j.Raw() == "true"), nil
		}
		n, err := datum.ParseText(j.Raw(), datum.Numeric, nil)
		if err != nil {
			return n, err
		}
		switch name {
		case "numeric":
			return n, nil
		case "real":
			return numericReal(env, n)
		case "double precision":
			return numericDouble(env, n)
		}
		return numericInt(name)(env, n)
	}
}

func jsonCastName(k datum.JSONKind) string {
	switch k {
	case datum.JSONNull:
		return "null"
	case datum.JSONString:
		return "string"
	case datum.JSONNumber:
		return "numeric"
	case datum.JSONBool:
		return "boolean"
	case datum.JSONArrayKind:
		return "array"
	}
	return "object"
}

package expr

import "github.com/ssmr/ssmr/internal/datum"

func dateToChar(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	return datum.Datum{}, notSupportedCall(c.Fn)
}
func numberToChar(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	return datum.Datum{}, notSupportedCall(c.Fn)
}
func toDate(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	return datum.Datum{}, notSupportedCall(c.Fn)
}
func toTimestamp(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	return datum.Datum{}, notSupportedCall(c.Fn)
}
func toNumber(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	return datum.Datum{}, notSupportedCall(c.Fn)
}

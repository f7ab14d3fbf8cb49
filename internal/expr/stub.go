package expr

import "github.com/ssmr/ssmr/internal/datum"

var aggregateTable = [...]aggregateRow{}

func distinctKey(args []datum.Datum) string { return "" }

func functionTables() [][]fun { return nil }

const operatorTable = ``
const castTable = ``

var castFunctions = map[string]castFunction{}

type pattern struct{}

func newConstSet(t datum.Type, list []Expr) *constSet { return nil }
func (s *constSet) has(d datum.Datum) bool            { return false }
func oncePerStatement(id uint32) bool                 { return false }
func QuoteIdent(s string) string                      { return s }
func QuoteLiteral(s string) string                    { return s }

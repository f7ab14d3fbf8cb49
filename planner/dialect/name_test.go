package dialect

import (
	"testing"

	"github.com/ssmr/ssmr/planner/ast"
)

// TestColumnNames: names of output columns, as PostgreSQL 15 gives them.
func TestColumnNames(t *testing.T) {
	for expr, want := range map[string]string{
		"a":                                      "a",
		"nt.a":                                   "a",
		"1":                                      "?column?",
		"'x'":                                    "?column?",
		"-a":                                     "?column?",
		"a+1":                                    "?column?",
		"a::text":                                "a",
		"'x'::text":                              "text",
		"1::int8":                                "int8",
		"cast(a as numeric(10,2))":               "a",
		"date '2020-01-01'":                      "date",
		"null":                                   "?column?",
		"count(*)":                               "count",
		"max(a)":                                 "max",
		"pg_catalog.now()":                       "now",
		"current_date":                           "current_date",
		"current_timestamp(3)":                   "current_timestamp",
		"current_user":                           "current_user",
		"user":                                   "user",
		"coalesce(a,1)":                          "coalesce",
		"nullif(a,1)":                            "nullif",
		"greatest(a,1)":                          "greatest",
		"least(a,1)":                             "least",
		"case when true then a end":              "case",
		"case when true then 1 else a end":       "a",
		"case when true then 1 else 2 end":       "case",
		"case when true then 1 else 2::int8 end": "case",
		"(select 1)":                             "?column?",
		"(select a from nt limit 1)":             "a",
		"(select 1 as q)":                        "q",
		"(values (1))":                           "column1",
		"(select max(a) from nt union select 1)": "max",
		"exists(select 1)":                       "exists",
		"array[1]":                               "array",
		"array(select 1)":                        "array",
		"row(1,2)":                               "row",
		"(1,2)":                                  "row",
		"arr[1]":                                 "arr",
		"(arr)[1]":                               "arr",
		"b collate \"C\"":                        "b",
		"extract(year from now())":               "extract",
		"substring(b from 1)":                    "substring",
		"trim(b)":                                "btrim",
		"position('x' in b)":                     "position",
		"overlay(b placing 'x' from 1)":          "overlay",
		"now() at time zone 'UTC'":               "timezone",
		"a is null":                              "?column?",
		"not true":                               "?column?",
		"a in (1)":                               "?column?",
		"a between 1 and 2":                      "?column?",
		"b like 'x'":                             "?column?",
		"$1":                                     "?column?",
		"$1::text":                               "text",
		"interval '1' day":                       "interval",
		"'{1}'::int[]":                           "int4",
		"('{1}'::int[])[1]":                      "int4",
		"a::text::int":                           "a",
		"localtime":                              "localtime",
		"session_user":                           "session_user",
		"current_schema":                         "current_schema",
		"current_schema()":                       "current_schema",
		"current_catalog":                        "current_catalog",
		"grouping(a)":                            "grouping",
		"(nt).a":                                 "a",
		"(row(1,2)).f1":                          "f1",
		"left(b,1)":                              "left",
		"b::char":                                "b",
		"b::varchar(3)":                          "b",
		"b::double precision":                    "b",
		"x'1f'":                                  "?column?",
		"1.5":                                    "?column?",
		"lower(b)::int":                          "lower",
		"(a)":                                    "a",
		"@ a":                                    "?column?",
		"a is distinct from 1":                   "?column?",
		"array_agg(a)::int[]":                    "array_agg",
		"bool 'f'":                               "bool",
		"int4 '1'":                               "int4",
		"time with time zone '10:00+00'":         "timetz",
		"true":                                   "?column?",
	} {
		stmt, err := Parse("select " + expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if got := stmt.(*ast.Select).Items[0].Name(); got != want {
			t.Errorf("%s: %q, want %q", expr, got, want)
		}
	}
	stmt, err := Parse("select 1 as \"A b\"")
	if err != nil || stmt.(*ast.Select).Items[0].Name() != "A b" {
		t.Errorf("an alias: %v", err)
	}
}

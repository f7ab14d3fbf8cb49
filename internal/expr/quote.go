package expr

import (
	"strings"
	"unicode/utf8"

	"github.com/ssmr/ssmr/internal/datum"
)

// QuoteIdent quotes an identifier where it needs quotes.
func QuoteIdent(s string) string {
	safe := s != "" && (s[0] >= 'a' && s[0] <= 'z' || s[0] == '_') && !reserved(s)
	for i := 0; safe && i < len(s); i++ {
		c := s[i]
		safe = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_'
	}
	if safe {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// QuoteLiteral quotes a text as a string literal.
func QuoteLiteral(s string) string {
	q := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(q, `\`, `\\`)
	}
	return q
}

func quoteIdent(a datum.Datum) (datum.Datum, error) { return text(QuoteIdent(a.Text())) }

func quoteLiteral(a datum.Datum) (datum.Datum, error) { return text(QuoteLiteral(a.Text())) }

func quoteLiteralAny(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	return text(QuoteLiteral(castText(env, c, a, 0)))
}

func quoteNullable(env *Env, c *Call, a []datum.Datum) (datum.Datum, error) {
	if a[0].IsNull() {
		return text("NULL")
	}
	return quoteLiteralAny(env, c, a)
}

// reserved tells PostgreSQL's keywords that cannot be bare column names, and
// those that quote_ident quotes beside them.
func reserved(s string) bool {
	const words = " all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both case cast char character check coalesce collate collation column concurrently constraint create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user dec decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect interval into is isnull join lateral leading least left like limit localtime localtimestamp national natural nchar none normalize not notnull null nullif numeric offset on only or order out outer overlaps overlay placing position precision primary real references returning right row select session_user setof similar smallint some substring symmetric table tablesample then time timestamp to trailing treat trim true union unique user using values varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable "
	return strings.Contains(words, " "+s+" ")
}

// cutBytes cuts a text to at most n bytes, at a character's border.
func cutBytes(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

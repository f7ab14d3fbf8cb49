package ast

// Name returns the name of the output column: the alias, or what PostgreSQL
// derives from the expression ("?column?" where nothing suggests itself). It is
// of no use for items with a star.
func (i SelectItem) Name() string {
	if i.Alias != "" {
		return i.Alias
	}
	if name, _ := columnName(i.Expr); name != "" {
		return name
	}
	return "?column?"
}

// columnName follows FigureColnameInternal of PostgreSQL's parse_target.c. The
// strength is 0 for no name, 1 for one that a better one may replace, 2 for good.
func columnName(e Expr) (string, int) {
	switch e := e.(type) {
	case *ColumnRef:
		if !e.Star && len(e.Parts) > 0 {
			return e.Parts[len(e.Parts)-1], 2
		}
	case *Field:
		if e.Name != "" {
			return e.Name, 2
		}
		return columnName(e.X)
	case *Subscript:
		return columnName(e.X)
	case *Call:
		return e.Name, 2
	case *Value:
		return e.Name, 2
	case *NullIf:
		return "nullif", 2
	case *Coalesce:
		return "coalesce", 2
	case *MinMax:
		if e.Least {
			return "least", 2
		}
		return "greatest", 2
	case *Grouping:
		return "grouping", 2
	case *Cast:
		if name, strength := columnName(e.X); strength > 1 {
			return name, strength
		}
		return e.Type.Name, 1
	case *Collate:
		return columnName(e.X)
	case *Exists:
		return "exists", 2
	case *ArraySubquery:
		return "array", 2
	case *Array:
		return "array", 2
	case *Row:
		return "row", 2
	case *Subquery:
		return queryColumnName(e.Query)
	case *Case:
		if name, strength := columnName(e.Else); strength > 1 {
			return name, strength
		}
		return "case", 1
	}
	return "", 0
}

// queryColumnName returns the name of a scalar subquery's only column.
func queryColumnName(q *Select) (string, int) {
	for q.Op != NoSetOp {
		q = q.Left
	}
	if q.Values != nil {
		return "column1", 2
	}
	if len(q.Items) == 0 {
		return "", 0
	}
	if item := q.Items[0]; item.Alias != "" {
		return item.Alias, 2
	}
	return columnName(q.Items[0].Expr)
}

package bind

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
	"github.com/ssmr/ssmr/planner/ast"
)

// constraints adds the constraints of the table.
func (d *definer) constraints(list []ast.Constraint) error {
	for i := range list {
		con := &list[i]
		if err := plainConstraint(con); err != nil {
			return err
		}
		switch con.Kind {
		case ast.CheckConstraint:
			d.pending = append(d.pending, pendingCheck{*con})
		case ast.PrimaryKeyConstraint:
			columns, err := d.keyColumns(con)
			if err != nil {
				return err
			}
			if err := d.setKey(con, columns); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *definer) keyColumns(con *ast.Constraint) ([]int, error) {
	var out []int
	for _, name := range con.Columns {
		i := slices.IndexFunc(d.table.Columns, func(c catalog.Column) bool { return !c.Dropped && c.Name == name.Name })
		if i < 0 {
			return nil, pgerror.New(pgerror.UndefinedColumn, "column %q named in key does not exist", name.Name).At(con.Position())
		}
		if slices.Contains(out, i) {
			return nil, pgerror.New(pgerror.DuplicateColumn, "column %q appears twice in primary key constraint", name.Name).At(con.Position())
		}
		out = append(out, i)
	}
	return out, nil
}

func (d *definer) setKey(con *ast.Constraint, columns []int) error {
	t := d.table
	if d.keyed {
		return pgerror.New(pgerror.InvalidTableDefinition, "multiple primary keys for table %q are not allowed", t.Name).At(con.Position())
	}
	if len(columns) > maxKeyColumns {
		return pgerror.New(pgerror.TooManyColumns, "cannot use more than %d columns in an index", maxKeyColumns)
	}
	d.keyed = true
	t.PrimaryKey, t.KeyName = columns, con.Name
	for _, i := range columns {
		c := &t.Columns[i]
		c.NotNull = true
		if err := keyable(c.Type); err != nil {
			return err
		}
	}
	return nil
}

// keyable refuses types that keys cannot hold.
func keyable(t datum.Type) error {
	if t.Is(datum.JSON) {
		return pgerror.New(pgerror.UndefinedObject, `data type json has no default operator class for access method "btree"`).
			WithHint("You must specify an operator class for the index or define a default operator class for the data type.")
	}
	if t.Is(datum.JSONB) || t.IsArray() {
		return pgerror.NotSupported("a primary key of type %s", t)
	}
	return nil
}

// key completes the primary key: a table without one has a hidden uuid.
func (d *definer) key() error {
	t := d.table
	if !d.keyed {
		name := "_id"
		for n := 1; slices.ContainsFunc(t.Columns, func(c catalog.Column) bool { return c.Name == name }); n++ {
			name = "_id" + strconv.Itoa(n)
		}
		x, err := expr.NewFunction("gen_random_uuid")
		if err != nil {
			return err
		}
		t.PrimaryKey = []int{len(t.Columns)}
		t.Columns = append(t.Columns, catalog.Column{Name: name, Type: datum.UUID, NotNull: true, Hidden: true,
			Default: &catalog.Default{Text: "gen_random_uuid()", Expr: expr.Append(nil, x)}})
	}
	if t.KeyName == "" {
		t.KeyName = objectName(t.Name, "", "pkey")
	}
	return nil
}

// objectName makes a constraint's name as PostgreSQL does: the longer of the
// first two parts is cut until the whole fits.
func objectName(table, column, label string) string {
	over := maxName - 1 - len(label)
	if column != "" {
		over--
	}
	for len(table)+len(column) > over {
		if len(table) > len(column) {
			table = cutRune(table)
		} else {
			column = cutRune(column)
		}
	}
	if column != "" {
		return table + "_" + column + "_" + label
	}
	return table + "_" + label
}

// cutRune drops the last character.
func cutRune(s string) string {
	s = s[:len(s)-1]
	for len(s) > 0 && s[len(s)-1]&0xc0 == 0x80 {
		s = s[:len(s)-1]
	}
	if len(s) > 0 && s[len(s)-1] >= 0xc0 {
		s = s[:len(s)-1]
	}
	return s
}

// checks binds the CHECKs that wait, and adds them.
func (d *definer) checks() error {
	for i := range d.pending {
		if err := d.check(&d.pending[i].Constraint); err != nil {
			return err
		}
	}
	d.pending = nil
	return nil
}

func (d *definer) check(con *ast.Constraint) error {
	t := d.table
	r := &relation{name: t.Name, columns: tableColumns(t, 0)}
	r.columns = r.columns[:len(r.columns)-len(catalog.SystemColumns)]
	p := &place{clause: "check constraints", scope: &scope{relations: []*relation{r}},
		noParams: pgerror.New(pgerror.UndefinedParameter, "there is no parameter in a check constraint")}
	x, err := d.binder.condition(con.Expr, "CHECK", p)
	if err != nil {
		return err
	}
	if x, err = d.binder.freeze(x); err != nil {
		return err
	}
	if err := repeatable(x); err != nil {
		return at(err, con.Expr)
	}
	name := con.Name
	if name == "" {
		name = d.checkName(x)
	} else if hasConstraint(t, name) {
		if d.fresh[name] {
			return pgerror.New(pgerror.DuplicateObject, "check constraint %q already exists", name)
		}
		return pgerror.New(pgerror.DuplicateObject, "constraint %q for relation %q already exists", name, t.Name)
	}
	t.Checks = append(t.Checks, catalog.Check{Name: name, Text: strings.TrimSpace(con.Text), Expr: expr.Append(nil, x)})
	if d.fresh == nil {
		d.fresh = map[string]bool{}
	}
	d.fresh[name] = true
	return nil
}

// repeatable refuses a CHECK whose outcome does not follow from the row.
func repeatable(x expr.Expr) error {
	if expr.NeedsSession(x) || expr.VolatilityOf(x) == expr.Volatile {
		return pgerror.NotSupported("a check constraint that depends on the time, the session or chance")
	}
	return nil
}

// checkName names a CHECK by its only column, if it has one.
func (d *definer) checkName(x expr.Expr) string {
	used := map[int]bool{}
	expr.Columns(x, used)
	column := ""
	if len(used) == 1 {
		for i := range used {
			column = d.table.Columns[i].Name
		}
	}
	name := objectName(d.table.Name, column, "check")
	for n := 1; hasConstraint(d.table, name); n++ {
		name = objectName(d.table.Name, column, "check"+strconv.Itoa(n))
	}
	return name
}

func hasConstraint(t *catalog.Table, name string) bool {
	return t.KeyName == name || slices.ContainsFunc(t.Checks, func(c catalog.Check) bool { return c.Name == name })
}

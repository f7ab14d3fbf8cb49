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
	"github.com/ssmr/ssmr/planner/plan"
)

// Limits of a table's definition.
const (
	maxColumns    = 1600
	maxKeyColumns = 32
	maxName       = 63 // bytes
)

// createTable binds CREATE TABLE.
func (b *binder) createTable(s *ast.CreateTable) (*plan.Plan, error) {
	switch s.Persistence {
	case ast.Temporary:
		return nil, pgerror.NotSupported("a temporary table").At(s.Position())
	case ast.Unlogged:
		return nil, pgerror.NotSupported("an unlogged table").At(s.Position())
	}
	if err := b.newName(s.Name); err != nil {
		return nil, err
	}
	p := &plan.Plan{Tag: "CREATE TABLE"}
	if b.config.Catalog.ByName[s.Name.Name] != nil {
		if !s.IfNotExists {
			return nil, pgerror.New(pgerror.DuplicateTable, "relation %q already exists", s.Name.Name)
		}
		p.Root = &plan.CreateTable{Spec: catalog.TableSpec{Table: &catalog.Table{Name: s.Name.Name}, IfNotExists: true}, Exists: true}
		return p, nil
	}
	d := &definer{binder: b, table: &catalog.Table{Name: s.Name.Name}}
	if err := d.columns(s.Columns); err != nil {
		return nil, err
	}
	if err := d.constraints(s.Constraints); err != nil {
		return nil, err
	}
	if err := d.key(); err != nil {
		return nil, err
	}
	if err := d.checks(); err != nil {
		return nil, err
	}
	policy, options, err := placementOptions(s.Options, "hash", nil)
	if err != nil {
		return nil, err
	}
	if d.table.Placement, err = b.placement(d.table, policy, options); err != nil {
		return nil, err
	}
	p.Root = &plan.CreateTable{Spec: catalog.TableSpec{Table: d.table, IfNotExists: s.IfNotExists}}
	return p, nil
}

// newName checks the schema that a new table's name has.
func (b *binder) newName(n ast.TableName) error {
	if n.Catalog != "" {
		if err := b.database(n.Catalog, n.String(), n); err != nil {
			return err
		}
	}
	switch n.Schema {
	case "", "public":
		return nil
	case plan.VirtualSchema, "pg_catalog", "information_schema":
		return pgerror.New(pgerror.InsufficientPrivilege, "permission denied to create %q", qualified(n)).
			WithDetail("System catalog modifications are currently disallowed.")
	}
	return pgerror.New(pgerror.InvalidSchemaName, "schema %q does not exist", n.Schema).At(n.Position())
}

// placement has a table's placement checked.
func (b *binder) placement(t *catalog.Table, policy string, options map[string]string) (catalog.Placement, error) {
	if b.config.Policies != nil {
		return b.config.Policies.Placement(t, policy, options)
	}
	if policy == "hash" && len(options) == 0 {
		return catalog.Placement{Policy: "hash", Static: true}, nil
	}
	return catalog.Placement{}, pgerror.New(pgerror.UndefinedObject, "placement policy %q does not exist", policy)
}

// placementOptions reads WITH (placement = .., ..). Options with a dot in their
// names are the policy's; they are merged with those given.
func placementOptions(list []ast.Option, policy string, options map[string]string) (string, map[string]string, error) {
	out := map[string]string{}
	for k, v := range options {
		out[k] = v
	}
	seen := map[string]bool{}
	for _, o := range list {
		if seen[o.Name] {
			return "", nil, pgerror.New(pgerror.InvalidParameterValue, "parameter %q specified more than once", o.Name).At(o.Position())
		}
		seen[o.Name] = true
		value := "true"
		if o.Value != nil {
			l, ok := o.Value.(*ast.Literal)
			if !ok {
				return "", nil, pgerror.New(pgerror.InvalidParameterValue, "invalid value for parameter %q", o.Name).At(o.Position())
			}
			value = l.Text
		}
		switch {
		case o.Name == "placement":
			policy = value
		case strings.HasPrefix(o.Name, "toast.") || o.Name == "fillfactor" || strings.HasPrefix(o.Name, "autovacuum_"):
			// They tell PostgreSQL how to store the rows, and mean nothing here.
		case strings.Contains(o.Name, "."):
			out[o.Name] = value
		default:
			return "", nil, pgerror.New(pgerror.InvalidParameterValue, "unrecognized parameter %q", o.Name).
				WithHint("A placement's own options have a dot in their names.").At(o.Position())
		}
	}
	if len(out) == 0 {
		out = nil
	}
	return policy, out, nil
}

// definer builds a table's descriptor.
type definer struct {
	binder  *binder
	table   *catalog.Table
	pending []pendingCheck
	keyed   bool            // there is a primary key
	nullAt  map[int]bool    // columns declared NULL
	fresh   map[string]bool // names of the CHECKs that were added
}

// pendingCheck is a CHECK that waits until all columns are known.
type pendingCheck struct{ ast.Constraint }

func (d *definer) columns(list []ast.ColumnDef) error {
	if len(list) > maxColumns {
		return pgerror.New(pgerror.TooManyColumns, "tables can have at most %d columns", maxColumns)
	}
	for i := range list {
		if err := d.column(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

// column adds a column with its own constraints.
func (d *definer) column(def *ast.ColumnDef) error {
	t := d.table
	if err := newColumnName(t, def.Name); err != nil {
		return err
	}
	c := catalog.Column{Name: def.Name}
	if err := columnType(&c, def); err != nil {
		return err
	}
	if def.Collation != nil {
		switch def.Collation.Name {
		case "C", "POSIX", "default", "ucs_basic":
		default:
			return pgerror.NotSupported("collation %q", def.Collation.Name).At(def.Collation.Position())
		}
	}
	t.Columns = append(t.Columns, c)
	return d.columnConstraints(len(t.Columns)-1, def)
}

func newColumnName(t *catalog.Table, name string) error {
	for _, c := range catalog.SystemColumns {
		if c.Name == name {
			return pgerror.New(pgerror.DuplicateColumn, "column name %q conflicts with a system column name", name)
		}
	}
	for _, c := range t.Columns {
		if !c.Dropped && c.Name == name {
			return pgerror.New(pgerror.DuplicateColumn, "column %q specified more than once", name)
		}
	}
	return nil
}

// columnType finds a column's type; serial types are integers with a sequence.
func columnType(c *catalog.Column, def *ast.ColumnDef) error {
	serial := map[string]datum.Type{
		"serial": datum.Int4, "serial4": datum.Int4, "bigserial": datum.Int8, "serial8": datum.Int8,
		"smallserial": datum.Int2, "serial2": datum.Int2,
	}
	n := def.Type
	if t, ok := serial[n.Name]; ok && n.Schema == "" {
		if len(n.Bounds) > 0 {
			return pgerror.NotSupported("an array of type serial").At(n.Position())
		}
		c.Type, c.Serial, c.NotNull = t, true, true
		return nil
	}
	t, err := typeName(n)
	if err != nil {
		return err
	}
	if t.Is(datum.Unknown) || t.Is(datum.Void) {
		return pgerror.New(pgerror.InvalidTableDefinition, "column %q has pseudo-type %s", c.Name, t)
	}
	c.Type = t
	return nil
}

func (d *definer) columnConstraints(i int, def *ast.ColumnDef) error {
	c := &d.table.Columns[i]
	null, notNull, valued := false, false, c.Serial
	for k := range def.Constraints {
		con := &def.Constraints[k]
		if err := plainConstraint(con); err != nil {
			return err
		}
		switch con.Kind {
		case ast.NotNullConstraint:
			notNull, c.NotNull = true, true
		case ast.NullConstraint:
			null = true
		case ast.DefaultConstraint, ast.IdentityConstraint:
			if valued {
				what := "multiple default values specified"
				if con.Kind == ast.IdentityConstraint || c.Identity {
					what = "both default and identity specified"
				}
				return pgerror.New(pgerror.SyntaxError, "%s for column %q of table %q", what, c.Name, d.table.Name).At(con.Position())
			}
			valued = true
			if err := d.value(c, con); err != nil {
				return err
			}
		case ast.CheckConstraint:
			d.pending = append(d.pending, pendingCheck{*con})
		case ast.PrimaryKeyConstraint:
			if err := d.setKey(con, []int{i}); err != nil {
				return err
			}
		}
		if null && (notNull || c.Identity) {
			return conflictingNull(d.table, c, con)
		}
	}
	if null {
		if c.Serial || slices.Contains(d.table.PrimaryKey, i) {
			return conflictingNull(d.table, c, def)
		}
		if d.nullAt == nil {
			d.nullAt = map[int]bool{}
		}
		d.nullAt[i] = true
	}
	return nil
}

func conflictingNull(t *catalog.Table, c *catalog.Column, n ast.Node) error {
	return pgerror.New(pgerror.SyntaxError, "conflicting NULL/NOT NULL declarations for column %q of table %q", c.Name, t.Name).At(n.Position())
}

// plainConstraint refuses constraints that are not supported.
func plainConstraint(con *ast.Constraint) error {
	what := ""
	switch {
	case con.Kind == ast.UniqueConstraint:
		what = "UNIQUE"
	case con.Kind == ast.ForeignKeyConstraint:
		what = "FOREIGN KEY"
	case con.Kind == ast.GeneratedConstraint:
		what = "a generated column"
	case con.Kind == ast.ExcludeConstraint:
		what = "EXCLUDE"
	case con.Deferrable:
		what = "a deferrable constraint"
	case con.NotValid:
		what = "NOT VALID"
	case con.NoInherit:
		what = "NO INHERIT"
	case len(con.Sequence) > 0:
		what = "an option of an identity column's sequence"
	default:
		return nil
	}
	return pgerror.NotSupported("%s", what).At(con.Position())
}

// value sets a column's default or identity.
func (d *definer) value(c *catalog.Column, con *ast.Constraint) error {
	if con.Kind == ast.IdentityConstraint {
		if !c.Type.IsInteger() {
			return pgerror.New(pgerror.InvalidParameterValue, "identity column type must be smallint, integer, or bigint")
		}
		c.Serial, c.Identity, c.Always, c.NotNull = true, true, con.Always, true
		return nil
	}
	def, err := d.binder.columnDefault(c, con.Expr, con.Text)
	c.Default = def
	return err
}

// columnDefault binds a DEFAULT; nil for NULL, which is none.
func (b *binder) columnDefault(c *catalog.Column, e ast.Expr, text string) (*catalog.Default, error) {
	p := &place{clause: "DEFAULT expressions",
		noColumns: pgerror.New(pgerror.FeatureNotSupported, "cannot use column reference in DEFAULT expression"),
		noParams:  pgerror.New(pgerror.UndefinedParameter, "there is no parameter in a DEFAULT expression")}
	x, err := b.expr(e, p)
	if err != nil {
		return nil, err
	}
	if !expr.CanCoerce(x.Type(), c.Type, expr.Assignment) {
		return nil, pgerror.New(pgerror.DatatypeMismatch, "column %q is of type %s but default expression is of type %s",
			c.Name, c.Type.WithMod(-1), x.Type().WithMod(-1)).WithHint("You will need to rewrite or cast the expression.")
	}
	if x, err = expr.Coerce(x, c.Type, expr.Assignment); err != nil {
		return nil, at(err, e)
	}
	if x, err = b.freeze(x); err != nil {
		return nil, err
	}
	if k, ok := x.(*expr.Const); ok && k.Value.IsNull() {
		return nil, nil
	}
	return &catalog.Default{Text: strings.TrimSpace(text), Expr: expr.Append(nil, x)}, nil
}

// freeze folds constants, and reads the literals whose meaning depends on
// settings with those of now, as PostgreSQL does when a table is defined.
func (b *binder) freeze(x expr.Expr) (expr.Expr, error) {
	env := &expr.Env{Format: b.config.Format}
	x, err := expr.Rewrite(x, func(n expr.Expr) (expr.Expr, error) {
		c, ok := n.(*expr.Cast)
		if !ok {
			return n, nil
		}
		if k, ok := c.Arg.(*expr.Const); !ok || k.Typ.Kind() != datum.KindText {
			return n, nil
		}
		v, err := c.Eval(env)
		if err != nil {
			return nil, err
		}
		return expr.NewConst(v, c.Typ), nil
	})
	if err != nil {
		return nil, err
	}
	return expr.Fold(x)
}

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
			return nil, pgerror.New(pgerror.UndefinedColumn, "column %q named in key does not exist", name.Name).At(name.Position())
		}
		if slices.Contains(out, i) {
			return nil, pgerror.New(pgerror.DuplicateColumn, "column %q appears twice in primary key constraint", name.Name).At(name.Position())
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
		if d.nullAt[i] {
			return conflictingNull(t, c, con)
		}
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

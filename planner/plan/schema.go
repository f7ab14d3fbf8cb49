package plan

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
)

// CreateTable makes a table. With Spec.IfNotExists a table of that name that
// exists is a notice (ExistsNotice), also where the oracle says so.
type CreateTable struct {
	Spec catalog.TableSpec
	// Exists says that the catalog that the plan was made from has the table, and
	// that IF NOT EXISTS excuses it: there is nothing to do but the notice.
	Exists bool
}

// DropTable drops tables, all or none.
type DropTable struct {
	Spec catalog.Drop
	// Missing are the names that IF EXISTS excuses: a notice for each
	// (MissingNotice).
	Missing []string
}

// Truncate empties tables, all or none.
type Truncate struct {
	Spec catalog.Truncate
}

// AlterTable replaces a table's descriptor.
type AlterTable struct {
	Spec catalog.Change
	// None says that there is nothing to do (IF EXISTS, IF NOT EXISTS, a name
	// that stays): only the notices.
	None bool
	// Notices are told to the client when the change is done.
	Notices []Notice
}

// Notice is a message that a schema change tells the client.
type Notice struct {
	Code    string
	Message string
}

// ExistsNotice is what CREATE TABLE IF NOT EXISTS says of a table that exists.
func ExistsNotice(table string) Notice {
	return Notice{Code: "42P07", Message: `relation "` + table + `" already exists, skipping`}
}

// MissingNotice is what DROP TABLE IF EXISTS says of a table that does not.
func MissingNotice(table string) Notice {
	return Notice{Code: "00000", Message: `table "` + table + `" does not exist, skipping`}
}

// VirtualTable is a table in schema ssmr, whose rows the executor supplies.
type VirtualTable struct {
	Kind    VirtualKind
	Name    string // without the schema
	Columns []VirtualColumn
}

// VirtualColumn is a column of a VirtualTable.
type VirtualColumn struct {
	Name string
	Type datum.Type
}

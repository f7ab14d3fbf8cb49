package plan

import "github.com/ssmr/ssmr/internal/datum"

// VirtualKind names a table in schema ssmr.
type VirtualKind uint8

// The tables in schema ssmr.
const (
	NodesTable VirtualKind = iota + 1
	PartitionsTable
	TablesTable
	MovesTable
	PoliciesTable
	CacheTable
	ReplicasTable
	TransactionsTable
	LocksTable
	CountersTable
)

// VirtualSchema is the schema of the virtual tables.
const VirtualSchema = "ssmr"

// VirtualTables are the tables in schema ssmr. Rows have their columns in this
// order.
var virtualTables = map[string]*VirtualTable{
	"nodes": {Kind: NodesTable, Name: "nodes", Columns: []VirtualColumn{
		{"node", datum.Text},
		{"address", datum.Text},        // of the cluster port
		{"alive", datum.Bool},          // as seen from the node that answers
		{"self", datum.Bool},           // whether this is the node that answers
		{"replicas", datum.Int4},       // partitions that it holds a replica of
		{"leads", datum.Int4},          // partitions that it leads
		{"leads_oracle", datum.Bool},   //
		{"version", datum.Text},        // of ssmr
		{"started", datum.TimestampTZ}, // NULL where unknown
	}},
	"partitions": {Kind: PartitionsTable, Name: "partitions", Columns: []VirtualColumn{
		{"partition", datum.Int4},
		{"leader", datum.Text},        // NULL during an election
		{"replicas", datum.TextArray}, // names of nodes
		{"slots", datum.Int4},         // slots of the static placement that it owns
		{"objects", datum.Int8},       // NULL where the leader could not be asked
		{"bytes", datum.Int8},
		{"commands_per_second", datum.Float8},
		{"applied", datum.Int8},   // index of the last log entry that its leader applied
		{"labels", datum.Text},    // "disk=ssd, region=eu"; NULL: none
		{"capacity", datum.Int8},  // in bytes; NULL: no bound
		{"accepting", datum.Bool}, // objects that are new, or move
		{"raft_group", datum.Int4},
	}},
	"tables": {Kind: TablesTable, Name: "tables", Columns: []VirtualColumn{
		{"name", datum.Text},
		{"id", datum.Int8},
		{"version", datum.Int8}, // of the schema
		{"columns", datum.Int4}, // without hidden and dropped ones
		{"key", datum.TextArray},
		{"placement", datum.Text}, // the policy's name
		{"options", datum.JSONB},
		{"static", datum.Bool},  // home follows from the key alone
		{"objects", datum.Int8}, // NULL where a leader could not be asked
		{"bytes", datum.Int8},
	}},
	"moves": {Kind: MovesTable, Name: "moves", Columns: []VirtualColumn{
		{"move", datum.Int8}, // location version that the objects get
		{"table_name", datum.Text},
		{"state", datum.Text}, // pending, running, done, failed
		{"source", datum.Int4},
		{"destination", datum.Int4},
		{"objects", datum.Int8},
		{"moved", datum.Int8},
		{"started", datum.TimestampTZ},
		{"finished", datum.TimestampTZ},
		{"error", datum.Text},
	}},
	"policies": {Kind: PoliciesTable, Name: "policies", Columns: []VirtualColumn{
		{"node", datum.Text}, // that the row is about: each runs its own copy
		{"name", datum.Text},
		{"kind", datum.Text}, // builtin, plugin
		{"static", datum.Bool},
		{"tables", datum.Int4},  // tables that use it
		{"program", datum.Text}, // NULL where it is built in
		{"version", datum.Text}, // as the policy says itself
		{"sha256", datum.Text},  // of the program, hexadecimal
		{"state", datum.Text},   // ready, starting, failed
		{"error", datum.Text},
		{"pid", datum.Int4}, // NULL where it does not run
		{"calls", datum.Int8},
		{"errors", datum.Int8},     // calls without an answer in time, or with a wrong one
		{"fall_backs", datum.Int8}, // objects that a table's fall-back has placed
		{"restarts", datum.Int8},
		{"mean_latency", datum.Float8}, // of calls, in milliseconds
		{"max_latency", datum.Float8},
	}},
	"cache": {Kind: CacheTable, Name: "cache", Columns: []VirtualColumn{
		{"node", datum.Text},
		{"entries", datum.Int8},
		{"bytes", datum.Int8},
		{"capacity", datum.Int8}, // in bytes
		{"hits", datum.Int8},
		{"misses", datum.Int8},
		{"redirects", datum.Int8},
		{"pushed", datum.Int8}, // locations learned from the oracle's stream
		{"evicted", datum.Int8},
	}},
	"replicas": {Kind: ReplicasTable, Name: "replicas", Columns: []VirtualColumn{
		{"partition", datum.Int4}, // 0 is the oracle
		{"node", datum.Text},
		{"leads", datum.Bool},
		{"applied", datum.Int8},  // index of the log that the checksum is of; NULL where the replica did not answer
		{"checksum", datum.Text}, // hexadecimal, of all that the replica holds, computed on demand
	}},
	"transactions": {Kind: TransactionsTable, Name: "transactions", Columns: []VirtualColumn{
		{"transaction", datum.Text},       // node/incarnation/sequence
		{"partition", datum.Int4},         // that tells of it
		{"state", datum.Text},             // preparing, prepared, committed, aborted, locking, waiting
		{"coordinator", datum.Text},       // the node that it began on
		{"participants", datum.Int4Array}, // NULL for a session's locks
		{"age", datum.Interval},           // since the partition's leader knows it; NULL where unknown
		{"waits_for", datum.TextArray},    // transactions
	}},
	"locks": {Kind: LocksTable, Name: "locks", Columns: []VirtualColumn{
		{"partition", datum.Int4},
		{"table_name", datum.Text},
		{"key", datum.Text},         // of an object, or a range of keys; NULL: the whole table
		{"mode", datum.Text},        // shared, update, exclusive
		{"transaction", datum.Text}, // NULL: a statement of its own
		{"granted", datum.Bool},     // or waited for
	}},
	"counters": {Kind: CountersTable, Name: "counters", Columns: []VirtualColumn{
		{"node", datum.Text},
		{"name", datum.Text},
		{"value", datum.Int8},
	}},
}

// Virtual looks a table of schema ssmr up; nil if there is none of that name.
func LookupVirtual(name string) *VirtualTable { return virtualTables[name] }

package command

import (
	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// Command is one entry for a partition's log.
type Command struct {
	// ID makes a retry harmless: a partition that has executed it gives the
	// result that it gave.
	ID object.CommandID
	// Settled says that the sender has had the answers to all its commands to
	// this group whose sequence is below it, and will not send them again.
	Settled uint64
	Body    Body
}

// Body is what a command does: *Write, *Depart, *Arrive, *Settle, *InstallTable,
// *DropTable, *InstallSlots, *RaiseFloor, *Prepare, *Conclude, *Resolve, *Lock or
// *Withdraw.
type Body interface{ body() }

// WriteKind says what a Write does to its objects.
type WriteKind uint8

// The kinds of Write. They are in logs: append only.
const (
	Create WriteKind = iota + 1
	Update
	Delete
)

// OnConflict says what a Create does where the object exists already.
type OnConflict uint8

// The actions of a Create on an object that exists. They are in logs: append only.
const (
	ConflictFails   OnConflict = iota // 23505
	ConflictSkips                     // DO NOTHING
	ConflictUpdates                   // DO UPDATE: Program.Set, if Program.ConflictFilter holds
)

// Write creates, updates or deletes objects of one table, all or none.
//
// It names its objects either by Targets or, for Update and Delete, by Spans:
// then it means all objects in these key ranges that the partition owns at the
// moment of execution, and Program.Filter chooses among them.
type Write struct {
	Kind     WriteKind
	Conflict OnConflict
	Table    object.TableID
	Schema   object.SchemaVersion
	Targets  []Target
	Spans    []Span
	Program  []byte // an encoded Program; may be empty
	Context  Context
	// Home says that the static rule gives all objects of Spans one home, and that
	// this partition is meant as that: it refuses the command as Elsewhere, and names no
	// objects, where it is not, or where an object of Spans lives elsewhere.
	Home bool
}

// Target is one object that a command or read means.
type Target struct {
	ID object.ID
	// Version is the location version that the sender believes in; 0 where it
	// knows nothing but the static rule.
	Version object.LocationVersion
	// Arriving says that the sender knows the object to be on its way to this
	// partition: a partition that has not seen it yet waits for it, within bounds.
	Arriving bool
	// Unsure says that the location is not known to be the newest: where the
	// partition holds no value of the object it refuses the command as Elsewhere,
	// with a zero location, so that nothing is done to the other targets.
	Unsure bool
	// Row is the new object's row (datum.AppendRow), for Create and EffectPut only.
	Row []byte
}

// Span is a range of object ids, [Start, End), both within one table.
type Span struct {
	Start, End object.ID
}

// Context is what expressions may refer to beside the row.
type Context struct {
	Params   []datum.Datum
	TimeZone string // IANA name; empty means UTC
	// Seed feeds random() and gen_random_uuid(): the same command gives the same
	// values on each replica.
	Seed uint64
}

// Result is the answer to a Write.
type Result struct {
	// Refusal is set where the partition did not execute the command; it changed
	// nothing.
	Refusal *Refusal
	// Err is set where the execution failed as a statement fails; it changed
	// nothing.
	Err *pgerror.Error
	// Affected counts the objects created, updated or deleted.
	Affected int64
	// Rows holds the rows of RETURNING (Program.Project), each as EncodeRow.
	Rows [][]byte
	// Absent lists the indexes into Targets of objects that the partition holds
	// no value of. Where the object's location came from a cache, the sender
	// confirms it with the oracle before it believes this.
	Absent []int
	// Rest is set where a Write with Spans has reached the bound of what one log
	// entry may do: it was executed on all objects of its Spans but these. The
	// sender goes on with a new command for Rest; the parts are atomic one by one.
	Rest []Span
}

// Reason says why a partition did not execute a command.
type Reason uint8

// The reasons of a refusal. They are in logs: append only.
const (
	// Elsewhere: some objects live in another partition, as far as this one
	// knows; Objects says where. A zero location means "ask the oracle".
	Elsewhere Reason = iota + 1
	// Awaited: some objects have not arrived yet. Send again soon.
	Awaited
	// SchemaOld: the command was planned against an older descriptor of the table
	// than the partition has, or the table was dropped. Plan anew.
	SchemaOld
	// SchemaNew: the partition has not had this descriptor yet. Install it, send
	// again.
	SchemaNew
	// Expired: the command is older than what the partition remembers; whether it
	// was executed is unknown.
	Expired
	// Busy: the partition has no room to park or to remember; send again later.
	Busy
	// Superseded: a Depart or Arrive of a move that has been settled long ago.
	Superseded
	// Locked: it meets a lock of a transaction, and does not wait.
	Locked
	// Aborted: the transaction of a Prepare or Lock has been aborted here.
	Aborted
	// Withdrawn: the command waited in the queue and was taken out of it.
	Withdrawn
)

// Refusal is why a partition did not execute a command, and what it knows of
// the objects that it does not own.
type Refusal struct {
	Reason  Reason
	Objects []Redirect
	// Schema is the version of the table that the partition has, for SchemaOld
	// and SchemaNew; 0 where it has none.
	Schema object.SchemaVersion
}

// Redirect says where an object is as far as a partition knows. A location that
// is not zero was made by a move that may be under way still: who follows it, or
// remembers it, sets Target.Arriving, which is harmless when it has arrived.
type Redirect struct {
	ID       object.ID
	Location object.Location
}

// Depart takes objects out of their partition, as step one of move Move (the
// index of the oracle's log entry that intends it). Their values stay in
// outgoing markers until Settle. With To 0 the partition gives up ids that it
// holds no object of, so that the oracle can drop their entries.
//
// Idempotent by Move: sent again, it gives the first answer.
type Depart struct {
	Move    object.LocationVersion
	To      object.PartitionID
	Objects []object.ID
}

// Departed is the answer to a Depart.
type Departed struct {
	Refusal *Refusal
	Objects []Departure // in the order of Depart.Objects
}

// Departure is what became of one object of a Depart.
type Departure struct {
	// Gone says that the partition does not own the object any more. It stays
	// where a move finds no object there, or a release finds one.
	Gone bool
	Row  []byte // the row; nil for a released id
	// Deferred says that the object stays only because the rows of one answer have
	// a bound: move it with a later Depart.
	Deferred bool
	// Revision is that of the row.
	Revision object.Revision
}

// Arrive puts objects that departed into their new partition: step two of a
// move. Idempotent by Move.
type Arrive struct {
	Move    object.LocationVersion
	Objects []Arrival
}

// Arrival is one object of an Arrive.
type Arrival struct {
	ID  object.ID
	Row []byte // the row, as the source had it; nil: the id arrives without an object
	// Revision is the one that the row had.
	Revision object.Revision
}

// Settle ends moves at their source after the objects have arrived: their
// outgoing values are dropped. The home of a static object keeps its
// forwarding marker as long as the object lives elsewhere.
type Settle struct {
	Moves []object.LocationVersion
	// Arrived says that the objects have arrived and no more than that: nothing is
	// dropped, and the Departs may be repeated. Statements over key ranges that the
	// objects have left need not wait any more.
	Arrived bool
}

// InstallTable gives the partition a descriptor. An older one than it has is
// ignored. With Fenced descriptors the partition refuses the versions before it.
type InstallTable struct {
	Table *catalog.Table
}

// DropTable removes a table's objects; its id is refused from then on.
type DropTable struct {
	Table object.TableID
}

// InstallSlots tells the partition which slots it owns.
type InstallSlots struct {
	Slots   []object.Slot
	Version object.LocationVersion
}

// RaiseFloor says that no command that is stamped with a location version below
// Floor may create an object any more, and that all moves below it are settled.
// The partition forgets markers of departed ids below it.
type RaiseFloor struct {
	Floor object.LocationVersion
}

func (*Write) body()        {}
func (*Depart) body()       {}
func (*Arrive) body()       {}
func (*Settle) body()       {}
func (*InstallTable) body() {}
func (*DropTable) body()    {}
func (*InstallSlots) body() {}
func (*RaiseFloor) body()   {}

// String names the reason.
func (r Reason) String() string {
	names := [...]string{"none", "elsewhere", "awaited", "schema old", "schema new", "expired", "busy", "superseded", "locked", "aborted", "withdrawn"}
	if int(r) < len(names) {
		return names[r]
	}
	return "unknown"
}

// String names the kind as SQL does.
func (k WriteKind) String() string {
	switch k {
	case Create:
		return "INSERT"
	case Update:
		return "UPDATE"
	case Delete:
		return "DELETE"
	}
	return "unknown"
}

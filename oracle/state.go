package oracle

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// Keys of the oracle's space begin with one byte that says what they hold. They
// are on disk: append only.
const (
	keyCounters  = 'k' // counters
	keyCluster   = 'c' // partitions and slots
	keyTable     = 't' // table id -> descriptor
	keySequence  = 'q' // table id, column -> next value
	keyDirectory = 'd' // the first object id of a page -> page
	keyBusy      = 'v' // object id -> the batch that it is part of
	keyBatch     = 'm' // move -> batch
	keyHistory   = 'h' // move -> what became of it
	keyJob       = 'j' // job -> schema change
	keyRequest   = 'r' // sequence -> request and its outcome
	keyPolicy    = 'y' // name -> policy that is a program
	keyPast      = 'p' // object id -> its places before the newest one
)

// Bounds of what the oracle's state holds beside the directory.
const (
	maxPartitions     = object.Slots
	maxTables         = 10000
	maxPolicies       = 1000
	maxBatches        = 256  // moves and releases under way, beyond which nothing is begun
	maxSettling       = 1024 // finished moves whose source has not been told; the same
	maxBatchObjects   = 4096
	maxJobs           = 64
	maxHistory        = 1000 // finished moves that ssmr.moves shows
	maxRequests       = 1000 // outcomes of schema changes that are remembered
	maxSequenceBlock  = 1 << 20
	maxRequestObjects = 1 << 14 // ids of one log command
	maxMoveObjects    = 1 << 12 // ids of one request of moves, which is begun as a whole
)

// counters are the state's numbers.
type counters struct {
	// Clock is the last version that was given out. It is the index of a log entry
	// or, where one entry gives out several, a number that follows.
	Clock uint64
	// Floor: partitions may have forgotten what happened to ids below it.
	Floor object.LocationVersion
	// Forgettable counts ids that have left a partition since the floor was raised.
	Forgettable uint64
	NextTable   object.TableID
	NextRequest uint64
	// Catalog is the clock of the last change of the catalog.
	Catalog uint64
	// Initialised says that the cluster has its partitions and slots.
	Initialised bool
}

func (c *counters) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, c.Clock)
	dst = binary.AppendUvarint(dst, uint64(c.Floor))
	dst = binary.AppendUvarint(dst, c.Forgettable)
	dst = binary.AppendUvarint(dst, uint64(c.NextTable))
	dst = binary.AppendUvarint(dst, c.NextRequest)
	dst = binary.AppendUvarint(dst, c.Catalog)
	return appendBool(dst, c.Initialised)
}

func decodeCounters(b []byte) (counters, error) {
	d := decoder{b: b}
	c := counters{Clock: d.uvarint(), Floor: object.LocationVersion(d.uvarint()), Forgettable: d.uvarint()}
	c.NextTable, c.NextRequest, c.Catalog = object.TableID(d.uint32()), d.uvarint(), d.uvarint()
	c.Initialised = d.bool()
	return c, d.end()
}

// batch is a move or release under way: ids that leave one partition together.
type batch struct {
	move    object.LocationVersion
	release bool
	done    bool // arrived; the source has to be told that it may forget
	table   object.TableID
	from    object.PartitionID
	to      object.PartitionID // 0 for a release
	ids     []object.ID        // none once done
	started int64              // Unix microseconds, for people
	pin     catalog.PinMode
	origin  catalog.Origin
	reasons []string // of each of ids; nil: that of origin. None once done.
}

// originOf is who moves an id of the batch, and why.
func (b *batch) originOf(i int) catalog.Origin {
	o := b.origin
	if b.reasons != nil {
		o.Reason = b.reasons[i]
	}
	return o
}

type sequenceKey struct {
	table  object.TableID
	column int
}

// state is what the oracle keeps in memory of its space: all but the directory.
// Apply alone changes it, under Machine.mu.
type state struct {
	counters
	partitions []catalog.Partition // replaced, never changed
	slots      []object.Location   // replaced, never changed
	policies   []catalog.Policy    // ascending by name; replaced, never changed
	tables     map[object.TableID]*catalog.Table
	names      map[string]object.TableID // of all tables, and of pending renames
	sequences  map[sequenceKey]int64
	batches    map[object.LocationVersion]*batch
	unfinished int            // batches that are not done
	history    []catalog.Move // oldest first
	jobs       map[uint64]*job
	requests   map[RequestID]*request
	order      []*request // oldest first
	vacant     map[object.TableID]*vacancies
}

func newState() state {
	return state{
		counters:  counters{NextTable: firstTable, NextRequest: 1},
		tables:    make(map[object.TableID]*catalog.Table),
		names:     make(map[string]object.TableID),
		sequences: make(map[sequenceKey]int64),
		batches:   make(map[object.LocationVersion]*batch),
		jobs:      make(map[uint64]*job),
		requests:  make(map[RequestID]*request),
		vacant:    make(map[object.TableID]*vacancies),
	}
}

// firstTable is the first table's id. It is PostgreSQL's first id of user objects,
// so that what is below can be used for objects of the system.
const firstTable = 16384

// tx is one Apply: the state, and the batch that its changes go to.
type tx struct {
	*state
	b        *storage.Batch
	index    uint64
	err      error  // of storage: the replica has to stop
	buf      []byte // of key
	value    []byte
	page     *page  // of the directory; nil: none was opened yet
	opened   []byte // its key; empty: none is open
	dirty    bool   // it has changes that are not in b
	updates  []Update
	finished []*finishedMove
	changed  bool // something that drivers or waiters look at has changed
	catalog  bool // the catalog has changed
}

// tick returns the next version.
func (t *tx) tick() uint64 {
	t.Clock = t.upcoming()
	return t.Clock
}

// upcoming is what tick will return.
func (t *tx) upcoming() uint64 { return max(t.Clock+1, t.index) }

func (t *tx) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

func (t *tx) key(kind byte, id object.ID) []byte {
	t.buf = append(append(t.buf[:0], kind), id...)
	return t.buf
}

func numberKey(kind byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kind}, n)
}

func (t *tx) get(key []byte) ([]byte, bool) { return t.got(t.b.Get(nil, key)) }

func (t *tx) got(v []byte, found bool, err error) ([]byte, bool) {
	if err != nil {
		t.fail(err)
		return nil, false
	}
	return v, found
}

func (t *tx) setJSON(key []byte, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		t.fail(fmt.Errorf("oracle: encode state: %w", err))
		return
	}
	t.b.Set(key, text)
}

// open returns the page that an id is in, and which entry of it is the id's. It stays open
// until another one is opened; what has changed is in the store when the command ends.
func (t *tx) open(id object.ID) (p *page, at int) {
	t.buf, at = pageOf(t.buf[:0], id)
	if t.page == nil {
		t.page = new(page)
	} else if bytes.Equal(t.buf, t.opened) {
		return t.page, at
	}
	t.savePage()
	t.opened = append(t.opened[:0], t.buf...)
	v, _ := t.got(t.b.Probe(nil, t.opened)) // new ids are asked for most
	if err := t.page.decode(v); err != nil {
		t.fail(err)
	}
	return t.page, at
}

// savePage writes the page that is open, if it has changed.
func (t *tx) savePage() {
	switch {
	case !t.dirty:
	case t.page.has() == 0:
		t.b.Delete(t.opened)
	default:
		t.value = t.page.append(t.value[:0])
		t.b.Set(t.opened, t.value)
	}
	t.dirty = false
}

// residence returns the directory's entry of an id; zero if there is none.
func (t *tx) residence(id object.ID) residence {
	p, at := t.open(id)
	return p.entries[at]
}

// entry returns where the directory says that an id lives; zero if it has no entry.
func (t *tx) entry(id object.ID) object.Location {
	p, at := t.open(id)
	return p.entries[at].Location
}

func (t *tx) setResidence(id object.ID, r *residence) {
	p, at := t.open(id)
	p.entries[at], t.dirty = *r, true
	if v := t.vacant[id.Table()]; v != nil {
		v.occupy(id, id)
	}
}

// deleteEntry removes an entry, and its past with it.
func (t *tx) deleteEntry(id object.ID, r *residence) {
	p, at := t.open(id)
	p.entries[at], t.dirty = residence{}, true
	if r.past {
		t.b.Delete(t.key(keyPast, id))
	}
}

// place makes an event the newest of an entry. What was the newest is kept beside it.
func (t *tx) place(id object.ID, r *residence, p *catalog.Placed) {
	if r.known {
		past := append(t.past(id, r), r.newest)
		if n := len(past) - maxPast; n > 0 {
			past = past[n:]
		}
		t.b.Set(t.key(keyPast, id), appendPast(nil, past))
		r.past = true
	}
	r.newest, r.known = *p, true
}

// past returns the places of an id before the newest one, oldest first.
func (t *tx) past(id object.ID, r *residence) []catalog.Placed {
	if !r.past {
		return nil
	}
	v, found := t.get(t.key(keyPast, id))
	if !found {
		return nil
	}
	past, err := decodePast(v)
	if err != nil {
		t.fail(err)
	}
	return past
}

// busyIn returns the batch that an id is part of; nil if none.
func (t *tx) busyIn(id object.ID) *batch {
	if t.unfinished == 0 {
		return nil
	}
	v, found := t.get(t.key(keyBusy, id))
	if !found {
		return nil
	}
	d := decoder{b: v}
	move := object.LocationVersion(d.uvarint())
	b := t.batches[move]
	if d.end() != nil || b == nil {
		t.fail(fmt.Errorf("oracle: an object is part of move %d, which does not exist", move))
	}
	return b
}

func (t *tx) setBusy(id object.ID, move object.LocationVersion) {
	t.b.Set(t.key(keyBusy, id), binary.AppendUvarint(nil, uint64(move)))
}

func (t *tx) deleteBusy(id object.ID) { t.b.Delete(t.key(keyBusy, id)) }

func (t *tx) saveBatch(b *batch) { t.b.Set(numberKey(keyBatch, uint64(b.move)), b.append(nil)) }

func (b *batch) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(b.move))
	dst = appendBool(appendBool(dst, b.release), b.done)
	dst = binary.AppendUvarint(dst, uint64(b.table))
	dst = binary.AppendUvarint(dst, uint64(b.from))
	dst = binary.AppendUvarint(dst, uint64(b.to))
	dst = binary.AppendVarint(appendIDs(dst, b.ids), b.started)
	if b.pin == catalog.KeepPins && b.origin == (catalog.Origin{}) && b.reasons == nil {
		return dst
	}
	return appendWish(dst, b.pin, &b.origin, b.reasons)
}

func decodeBatch(v []byte) (*batch, error) {
	d := decoder{b: v}
	b := &batch{move: object.LocationVersion(d.uvarint()), release: d.bool(), done: d.bool()}
	b.table = object.TableID(d.uint32())
	b.from, b.to = object.PartitionID(d.uint32()), object.PartitionID(d.uint32())
	b.ids, b.started = d.ids(), d.varint()
	if len(d.b) > 0 {
		b.pin, b.origin, b.reasons = d.wish(len(b.ids))
	}
	return b, d.end()
}

// home returns the partition that the static rule gives an object; zero where the
// table is not static.
func (s *state) home(id object.ID) object.PartitionID {
	t := s.tables[id.Table()]
	if t == nil || !t.Placement.Static || len(s.slots) == 0 {
		return 0
	}
	return s.slots[t.Slot(id)].Partition
}

func (s *state) partition(p object.PartitionID) *catalog.Partition {
	for i := range s.partitions {
		if s.partitions[i].ID == p {
			return &s.partitions[i]
		}
	}
	return nil
}

// allowed reports whether a partition may get objects of a table.
func (s *state) allowed(t *catalog.Table, p object.PartitionID) bool {
	described := s.partition(p)
	if described == nil {
		return false
	}
	_, ok := t.Rules.Allows(p, &described.PartitionLimits)
	return ok
}

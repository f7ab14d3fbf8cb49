package state

// Limits bound what one command and one read may do. Those of commands are the
// same on all replicas of a group for ever: they decide results.
type Limits struct {
	// ChunkBytes bounds the rows of one chunk, unless the read says otherwise.
	// Default: 256 KiB.
	ChunkBytes int
	// GroupBytes bounds what a read gathers for groups, first rows or distinct rows
	// before it lets go of it. Default: 8 MiB.
	GroupBytes int
	// Programs bounds the decoded programs that are kept. Default: 1024.
	Programs int
	// RecentBytes bounds the objects that are kept in memory because commands or reads
	// have found them in the store. Default: 8 MiB.
	RecentBytes int
	// StagedBytes bounds the rows that transactions have staged and that are kept in
	// memory beside the store; negative: none. Default: 16 MiB.
	StagedBytes int
}

// Bounds of a single command. They are part of the meaning of logs: a change of
// one needs a new kind of command.
const (
	// maxRowBytes bounds a row; a larger one is refused with 54000.
	maxRowBytes = 8 << 20
	// maxRangesScanned and maxRangesScannedBytes bound what the ranges of one Prepare have
	// looked at. A part that has read more, of tables that have changed since, is in
	// conflict.
	maxRangesScanned      = 1 << 20
	maxRangesScannedBytes = 256 << 20
	// maxDepartBytes bounds the rows of one Departed.
	maxDepartBytes = 8 << 20
	// A Write over spans ends, with Result.Rest, when it has changed so many
	// objects or bytes, has looked at so many, or returns so many bytes.
	maxSpanChanges      = 16384
	maxSpanChangedBytes = 8 << 20
	maxSpanScanned      = 65536
	maxSpanScannedBytes = 32 << 20
	maxSpanReturned     = 1 << 20
	// maxReturned bounds what RETURNING of a Write with targets gives.
	maxReturned = 32 << 20
	// windowBytes bounds the results that are remembered for one node, windowSize
	// their number, and rememberedBytes one of them; what is larger is remembered
	// without its content.
	windowBytes     = 4 << 20
	windowSize      = 1 << 17
	rememberedBytes = 64 << 10
	// maxSenders bounds the nodes whose results are remembered.
	maxSenders = 1024
	// maxLocks bounds the objects and ranges that are locked in a partition together, and
	// maxTransactionLocks those of one transaction: beyond, Prepares and Locks are refused
	// as Busy, or fail with 54000. What a Write over spans changes lies in a range that is
	// locked, and counts as that.
	maxLocks            = 1 << 20
	maxTransactionLocks = 1 << 18
	// maxStagedBytes bounds what one transaction stages in a partition.
	maxStagedBytes = 1 << 30
	// maxTransactions bounds the transactions that are known: locking, prepared, or
	// committed and not forgotten. Beyond, those with several participants are refused as
	// Busy. maxForgotten bounds those among them that somebody other than their
	// coordinator has said to be concluded everywhere: the oldest go.
	maxTransactions = 1 << 16
	maxForgotten    = 1 << 10
	// maxAborted bounds the transactions of one coordinating node that are remembered as
	// aborted. Beyond, all up to the oldest are.
	maxAborted = 4096
	// maxParticipants bounds the participants of a transaction, maxPartWrites the Writes of
	// a part.
	maxParticipants = 1 << 12
	maxPartWrites   = 1 << 10
	// A Conclude carries out so many effects, or a little more than so many bytes; the rest
	// is for the next.
	maxConcludeObjects = 16384
	maxConcludeBytes   = 8 << 20
	// maxQueued and maxQueuedBytes bound the commands that wait; beyond, they are refused
	// as Busy. Moves and schema commands, which the oracle sends one after another, have
	// some room of their own.
	maxQueued      = 8192
	maxQueuedMoves = 1024
	maxQueuedBytes = 64 << 20
	// forgetPerFloor bounds the markers that one RaiseFloor removes; the rest are
	// void all the same, and are removed by later ones.
	forgetPerFloor = 4096
)

func (l Limits) withDefaults() Limits {
	if l.ChunkBytes == 0 {
		l.ChunkBytes = 256 << 10
	}
	if l.GroupBytes == 0 {
		l.GroupBytes = 8 << 20
	}
	if l.Programs == 0 {
		l.Programs = 1024
	}
	if l.RecentBytes == 0 {
		l.RecentBytes = 8 << 20
	}
	if l.StagedBytes == 0 {
		l.StagedBytes = 16 << 20
	}
	return l
}

// ticket is a place in the queue: the log entry that brought the command, and its
// number in it. Smaller ones came first.
type ticket struct {
	index  uint64
	number uint32
}

func (t ticket) before(u ticket) bool {
	return t.index < u.index || t.index == u.index && t.number < u.number
}

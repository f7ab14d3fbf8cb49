package replication

import (
	"context"
	"time"

	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// Host is a node's part of all groups. Its methods may be called from many
// goroutines.
type Host struct{}

// NewHost prepares the node's part; groups are started with Start.
func NewHost(cfg Config) (*Host, error) { return nil, ErrStopped }

// Start opens the state machine and starts its replica.
func (h *Host) Start(cfg GroupConfig) (*Group, error) { return nil, ErrStopped }

// Group returns a group that was started; nil if there is none.
func (h *Host) Group(id object.GroupID) *Group { return nil }

// Groups returns the groups that were started, by id.
func (h *Host) Groups() []*Group { return nil }

// Failed is closed when storage has failed and the process should be restarted;
// Err says why.
func (h *Host) Failed() <-chan struct{} { return nil }

// Err returns why the host has failed; nil if it has not.
func (h *Host) Err() error { return nil }

// Drain hands the leadership of all groups that this node leads to others. It
// returns when that is done, or ctx ends.
func (h *Host) Drain(ctx context.Context) error { return nil }

// Close stops all groups and waits for them. Calling it again is harmless.
func (h *Host) Close() error { return nil }

// Group is one replica. Its methods may be called from many goroutines.
type Group struct{}

// ID returns the group's number.
func (g *Group) ID() object.GroupID { return 0 }

// Space returns where the state machine's content is.
func (g *Group) Space() *storage.Space { return nil }

// Propose has a command executed and returns the state machine's result. The
// command must not be changed until it returns. See the package comment for errors.
func (g *Group) Propose(ctx context.Context, command []byte) (any, error) { return nil, ErrStopped }

// Read runs fn, which reads the state machine, and returns nil if what fn read
// includes every write that was acknowledged before the call. fn may run more than
// once; its error is returned.
func (g *Group) Read(ctx context.Context, fn func() error) error { return ErrStopped }

// ReadStale runs fn on whatever this replica has applied, if that is at most so
// far behind the leader; ErrStale otherwise.
func (g *Group) ReadStale(maxStaleness time.Duration, fn func() error) error { return ErrStale }

// Leader returns the node that leads, as far as this replica knows; may be empty.
func (g *Group) Leader() object.NodeID { return "" }

// IsLeader reports whether this replica leads and can serve reads. It is a hint:
// only Propose and Read know.
func (g *Group) IsLeader() bool { return false }

// Role returns what the replica is now.
func (g *Group) Role() Role { return Role{} }

// Roles returns a channel that gives the present role and then every change; a
// receiver that is slow misses what was overtaken, never the last. stop ends it.
func (g *Group) Roles() (roles <-chan Role, stop func()) { return nil, func() {} }

// TransferLeadership hands the leadership to another node, or to the one that is
// furthest where to is empty. It does nothing if this replica does not lead.
func (g *Group) TransferLeadership(ctx context.Context, to object.NodeID) error { return nil }

// AppliedIndex returns the index of the last entry whose effects can be read.
func (g *Group) AppliedIndex() uint64 { return 0 }

// WaitApplied waits until the replica has applied the index.
func (g *Group) WaitApplied(ctx context.Context, index uint64) error { return nil }

// TakeChecksum has all replicas compute the hash of their content at the same
// index, and returns this replica's. It is for leaders.
func (g *Group) TakeChecksum(ctx context.Context) (Checksum, error) { return Checksum{}, nil }

// Checksum returns the hash that a node's replica has computed for TakeChecksum at
// an index; it waits until the replica gets there.
func (g *Group) Checksum(ctx context.Context, node object.NodeID, index uint64) (Checksum, error) {
	return Checksum{}, nil
}

// Compact flushes the state and truncates the log now.
func (g *Group) Compact(ctx context.Context) error { return nil }

// Status returns figures about the replica.
func (g *Group) Status() Status { return Status{} }

// Done is closed when the replica has stopped; Err says why.
func (g *Group) Done() <-chan struct{} { return nil }

// Err returns why the replica has stopped; nil while it runs and after Close.
func (g *Group) Err() error { return nil }

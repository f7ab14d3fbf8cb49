package partitions

import (
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/replication"
)

// Service is a node's part of all partitions that it holds replicas of. Its
// methods may be called from many goroutines.
type Service struct{}

// NewService registers the package's cluster methods. Partitions are opened with
// Open; the host is closed by its owner, after the service.
func NewService(cfg Config, host *replication.Host, network Network) (*Service, error) {
	return nil, nil
}

// Open starts this node's replica of a partition. peers are the nodes of a new
// partition's group, the same on all; join says that an existing group will get
// in touch.
func (s *Service) Open(p object.PartitionID, peers []object.NodeID, join bool) error { return nil }

// Status returns what this node's replicas know, ascending by partition.
func (s *Service) Status() []Status { return nil }

// Close closes cursors and refuses what comes later. It does not stop the
// replicas, which are the host's. Calling it again is harmless.
func (s *Service) Close() error { return nil }

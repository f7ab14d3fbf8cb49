package partitions

import (
	"github.com/ssmr/ssmr/internal/object"
)

// Size counts objects and the bytes of their keys and values.
type Size struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

// Status is what one replica knows of its partition at one moment.
type Status struct {
	Partition object.PartitionID `json:"partition"`
	Node      object.NodeID      `json:"node"` // that answered
	Leader    object.NodeID      `json:"leader"`
	Leading   bool               `json:"leading"`
	Replicas  []object.NodeID    `json:"replicas"`
	Applied   uint64             `json:"applied"` // index of the last entry applied
	Size      Size               `json:"size"`
	// Tables tells the size of each table that has objects here.
	Tables map[object.TableID]Size `json:"tables"`
	// CommandsPerSecond counts commands and reads that this node answered for the
	// partition, over the last seconds.
	CommandsPerSecond float64 `json:"commandsPerSecond"`
	Markers           int64   `json:"markers"`  // ids that are remembered without an object
	Outgoing          int64   `json:"outgoing"` // moves that have departed and are not settled
	Parked            int     `json:"parked"`
	Cursors           int     `json:"cursors"` // of the whole node
	Pins              int     `json:"pins"`    // of the whole node
	Refused           uint64  `json:"refused"` // commands and reads since start
	Failed            string  `json:"failed,omitempty"`
}

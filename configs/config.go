package configs

import (
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// Config is a whole, valid configuration.
type Config struct {
	Node       object.NodeID
	DataDir    string
	Listen     string // host:port for clients
	Partitions int    // of a new cluster
	// DebugListen is where profiles are served; empty for nowhere.
	DebugListen string

	Cluster Cluster
	Log     Log
	Limits  Limits
	Storage Storage
	Timing  Timing
}

// Cluster says which nodes form the cluster.
type Cluster struct {
	Name string
	// Nodes is empty for a database of one node.
	Nodes []Node
	// Listen is where the cluster port is opened; empty for the node's address in
	// Nodes. They differ where the others reach it through something in between.
	Listen string
}

// Node is one node of the cluster and the address of its cluster port.
type Node struct {
	Name    object.NodeID
	Address string // host:port
}

// Log says how the server logs.
type Log struct {
	Format string // text or json
	Level  string // debug, info, warn or error
}

// Limits bounds what clients can ask for.
type Limits struct {
	Connections  int
	MessageBytes int64
	// SortBytes bounds what one statement may hold in memory to sort, group or
	// remove duplicates.
	SortBytes int64
	// LocationCacheBytes bounds the node's cache of object locations.
	LocationCacheBytes int64
}

// Storage sizes the node's stores.
type Storage struct {
	CacheBytes    int64
	MemtableBytes int64
}

// Timing sets time-outs.
type Timing struct {
	Heartbeat time.Duration // a follower that hears nothing for so long starts an election
	Drain     time.Duration // how long running statements may go on after SIGTERM
}

package configs

import (
	"path/filepath"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// Config is a whole, valid configuration.
type Config struct {
	Node       object.NodeID
	DataDir    string
	Listen     string // host:port for clients
	Partitions int    // of a new cluster
	Groups     int    // Raft groups that these share; 0: as few as can be
	// DebugListen is where profiles are served; empty for nowhere.
	DebugListen string

	Cluster Cluster
	Log     Log
	Limits  Limits
	Storage Storage
	Timing  Timing
	Plugins Plugins
	Trace   Trace
}

// Cluster says which nodes form the cluster.
type Cluster struct {
	Name string
	// Nodes is empty for a database of one node.
	Nodes []Node
	// Listen is where the cluster port is opened; empty for the node's address in
	// Nodes. They differ where the others reach it through something in between.
	Listen string
	// Leadership is follow (it goes to the node that most commands come from) or stay.
	Leadership string
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

// Trace says where what commands touch is recorded, for ssmr-server plugin simulate.
type Trace struct {
	File string // empty: nowhere
	// SizeBytes bounds what is kept of it.
	SizeBytes int64
}

// Plugins says where placement policies that are programs of their own are found, and
// what they may take.
type Plugins struct {
	// Dir is the folder of their programs; empty for "plugins" beside the data folder.
	Dir string
	// OnUse has a program started when it is asked first, not with the server.
	OnUse bool
	// Env names the variables of the server's environment that they get.
	Env            []string
	CallTimeout    time.Duration // of one call, from question to answer
	StartTimeout   time.Duration
	HealthInterval time.Duration // between two health checks
	LogLines       int           // of one policy that are logged in a second
	// SHA256 holds, by the names of programs, checksums that they must have, in
	// lower-case hexadecimal.
	SHA256 map[string]string
	// Options are, by the names of policies, options of their own; those of CREATE
	// POLICY go before them.
	Options map[string]map[string]string
}

// PluginsDir is the folder of plugins' programs.
func (c *Config) PluginsDir() string {
	if c.Plugins.Dir != "" {
		return c.Plugins.Dir
	}
	return filepath.Join(filepath.Dir(filepath.Clean(c.DataDir)), "plugins")
}

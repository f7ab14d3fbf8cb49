package configs

import (
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ssmr/ssmr/internal/object"
)

// key is one thing that can be configured.
type key struct {
	name     string
	fallback string // the default, as one would write it
	help     string
	allowed  string
	set      func(c *Config, raw any) error
	get      func(c *Config) string // as one would write it in YAML
}

const maxPartitions = 1024

// keys is every key, in the order in which they are printed.
var keys = []key{
	{"node", "n1", "name of this node", "a name of letters, digits, '-' and '_', up to 63 long",
		func(c *Config, raw any) error { return setName((*string)(&c.Node), raw) },
		func(c *Config) string { return string(c.Node) }},
	{"data-dir", "./ssmr-data", "folder that holds the node's data", "a path",
		func(c *Config, raw any) error { return setText(&c.DataDir, raw) },
		func(c *Config) string { return strconv.Quote(c.DataDir) }},
	{"listen", "127.0.0.1:5433", "address for clients of the PostgreSQL protocol", "host:port; port 0 picks a free one",
		func(c *Config, raw any) error { return setAddress(&c.Listen, raw) },
		func(c *Config) string { return c.Listen }},
	{"partitions", "4", "number of partitions of a new cluster", fmt.Sprintf("a whole number from 1 to %d", maxPartitions),
		func(c *Config, raw any) error { return setInt(&c.Partitions, raw, 1, maxPartitions) },
		func(c *Config) string { return strconv.Itoa(c.Partitions) }},
	{"groups", "0", "number of Raft groups that the partitions of a new cluster share; 0 for as few as the number of nodes allows",
		"a whole number from 0 to the number of partitions",
		func(c *Config, raw any) error { return setInt(&c.Groups, raw, 0, maxPartitions) },
		func(c *Config) string { return strconv.Itoa(c.Groups) }},
	{"debug-listen", "", "address that serves profiles of the process (net/http/pprof); empty for none", "host:port, or empty",
		func(c *Config, raw any) error { return setOptionalAddress(&c.DebugListen, raw) },
		func(c *Config) string { return strconv.Quote(c.DebugListen) }},

	{"cluster.name", "ssmr", "name of the cluster; nodes of another one are turned away", "a name of letters, digits, '-' and '_', up to 63 long",
		func(c *Config, raw any) error { return setName(&c.Cluster.Name, raw) },
		func(c *Config) string { return c.Cluster.Name }},
	{"cluster.nodes", "", "all nodes and the addresses of their cluster ports; none for a database of one node",
		"a list of {name: ..., address: host:port}, or n1=host:port,n2=host:port",
		setNodes, getNodes},
	{"cluster.listen", "", "address that the cluster port is opened on, where it is not what cluster.nodes says; empty where it is", "host:port, or empty",
		func(c *Config, raw any) error { return setOptionalAddress(&c.Cluster.Listen, raw) },
		func(c *Config) string { return strconv.Quote(c.Cluster.Listen) }},
	{"cluster.leadership", "follow", "whether leadership goes to the node that most commands come from", "follow or stay",
		func(c *Config, raw any) error { return setChoice(&c.Cluster.Leadership, raw, "follow", "stay") },
		func(c *Config) string { return c.Cluster.Leadership }},

	{"log.format", "text", "form of the log", "text or json",
		func(c *Config, raw any) error { return setChoice(&c.Log.Format, raw, "text", "json") },
		func(c *Config) string { return c.Log.Format }},
	{"log.level", "info", "least level that is logged", "debug, info, warn or error",
		func(c *Config, raw any) error { return setChoice(&c.Log.Level, raw, "debug", "info", "warn", "error") },
		func(c *Config) string { return c.Log.Level }},

	{"limits.connections", "1000", "clients that are served at a time", "a whole number from 1 to 100000",
		func(c *Config, raw any) error { return setInt(&c.Limits.Connections, raw, 1, 100_000) },
		func(c *Config) string { return strconv.Itoa(c.Limits.Connections) }},
	{"limits.message", "64MiB", "largest message of a client", "a size from 64KiB to 1GiB",
		func(c *Config, raw any) error { return setSize(&c.Limits.MessageBytes, raw, 64<<10, 1<<30) },
		func(c *Config) string { return formatSize(c.Limits.MessageBytes) }},
	{"limits.sort-memory", "64MiB", "memory of one statement for sorting and grouping", "a size from 1MiB to 64GiB",
		func(c *Config, raw any) error { return setSize(&c.Limits.SortBytes, raw, 1<<20, 64<<30) },
		func(c *Config) string { return formatSize(c.Limits.SortBytes) }},
	{"limits.location-cache", "64MiB", "memory for object locations that the node remembers", "a size from 1MiB to 64GiB",
		func(c *Config, raw any) error { return setSize(&c.Limits.LocationCacheBytes, raw, 1<<20, 64<<30) },
		func(c *Config) string { return formatSize(c.Limits.LocationCacheBytes) }},

	{"storage.cache", "128MiB", "memory for blocks read from disk; half as much again for objects", "a size from 8MiB to 1TiB",
		func(c *Config, raw any) error { return setSize(&c.Storage.CacheBytes, raw, 8<<20, 1<<40) },
		func(c *Config) string { return formatSize(c.Storage.CacheBytes) }},
	{"storage.memtable", "32MiB", "memory for writes before they go to a table file; there are several", "a size from 1MiB to 1GiB",
		func(c *Config, raw any) error { return setSize(&c.Storage.MemtableBytes, raw, 1<<20, 1<<30) },
		func(c *Config) string { return formatSize(c.Storage.MemtableBytes) }},

	{"timing.heartbeat", "700ms", "a follower that hears nothing for so long starts an election", "a duration from 50ms to 1m",
		func(c *Config, raw any) error {
			return setDuration(&c.Timing.Heartbeat, raw, 50*time.Millisecond, time.Minute)
		},
		func(c *Config) string { return c.Timing.Heartbeat.String() }},
	{"timing.drain", "10s", "how long running statements may go on after SIGTERM", "a duration from 0s to 1h",
		func(c *Config, raw any) error { return setDuration(&c.Timing.Drain, raw, 0, time.Hour) },
		func(c *Config) string { return c.Timing.Drain.String() }},

	{"plugins.dir", "", "folder of placement policies' programs; empty for \"plugins\" beside the data folder", "a path, or empty",
		func(c *Config, raw any) error { return setOptionalText(&c.Plugins.Dir, raw) },
		func(c *Config) string { return strconv.Quote(c.Plugins.Dir) }},
	{"plugins.start", "boot", "when policies' programs are started: with the server, or when they are used first", "boot or use",
		setPluginsStart, getPluginsStart},
	{"plugins.env", "", "variables of the server's environment that policies get", "a list of names, or NAME,NAME",
		setEnvNames, func(c *Config) string { return jsonText(c.Plugins.Env) }},
	{"plugins.call-timeout", "50ms", "what one call of a policy may take; then the table's fall-back places the objects", "a duration from 1ms to 1m",
		func(c *Config, raw any) error {
			return setDuration(&c.Plugins.CallTimeout, raw, time.Millisecond, time.Minute)
		},
		func(c *Config) string { return c.Plugins.CallTimeout.String() }},
	{"plugins.start-timeout", "10s", "what the start of a policy's program may take", "a duration from 100ms to 5m",
		func(c *Config, raw any) error {
			return setDuration(&c.Plugins.StartTimeout, raw, 100*time.Millisecond, 5*time.Minute)
		},
		func(c *Config) string { return c.Plugins.StartTimeout.String() }},
	{"plugins.health-interval", "1s", "time between two health checks of a policy's program", "a duration from 10ms to 1m",
		func(c *Config, raw any) error {
			return setDuration(&c.Plugins.HealthInterval, raw, 10*time.Millisecond, time.Minute)
		},
		func(c *Config) string { return c.Plugins.HealthInterval.String() }},
	{"plugins.log-lines", "50", "lines that one policy may log in a second; the others are counted", "a whole number from 1 to 10000",
		func(c *Config, raw any) error { return setInt(&c.Plugins.LogLines, raw, 1, 10_000) },
		func(c *Config) string { return strconv.Itoa(c.Plugins.LogLines) }},
	{"plugins.sha256", "", "checksums that policies' programs must have to be started", "a map {program: SHA-256 in hexadecimal}",
		setChecksums, func(c *Config) string { return jsonText(c.Plugins.SHA256) }},
	{"plugins.options", "", "policies' own options; those of CREATE POLICY go before them", "a map {policy: {option: value}}",
		setPolicyOptions, func(c *Config) string { return jsonText(c.Plugins.Options) }},

	{"trace.file", "", "file that records what commands touch, for ssmr-server plugin simulate; it holds values of the data; empty for none", "a path, or empty",
		func(c *Config, raw any) error { return setOptionalText(&c.Trace.File, raw) },
		func(c *Config) string { return strconv.Quote(c.Trace.File) }},
	{"trace.size", "100MB", "what is kept of the trace: the newest, in two files, the older of which ends in .1", "a size from 1MB to 1TiB",
		func(c *Config, raw any) error { return setSize(&c.Trace.SizeBytes, raw, 1_000_000, 1<<40) },
		func(c *Config) string { return formatSize(c.Trace.SizeBytes) }},
}

// errValue says that a value is not what is allowed; the caller knows the rest.
var errValue = errors.New("not allowed")

func setText(dst *string, raw any) error {
	s, ok := raw.(string)
	if !ok || s == "" {
		return errValue
	}
	*dst = s
	return nil
}

func setOptionalText(dst *string, raw any) error {
	s, ok := raw.(string)
	if !ok {
		return errValue
	}
	*dst = s
	return nil
}

func setName(dst *string, raw any) error {
	var s string
	if err := setText(&s, raw); err != nil || len(s) > 63 {
		return errValue
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return errValue
		}
	}
	*dst = s
	return nil
}

func setAddress(dst *string, raw any) error {
	s, ok := raw.(string)
	if !ok {
		return errValue
	}
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return errValue
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > math.MaxUint16 {
		return errValue
	}
	*dst = s
	return nil
}

func setOptionalAddress(dst *string, raw any) error {
	if raw == "" {
		*dst = ""
		return nil
	}
	return setAddress(dst, raw)
}

func setChoice(dst *string, raw any, choices ...string) error {
	s, ok := raw.(string)
	if !ok || !slices.Contains(choices, s) {
		return errValue
	}
	*dst = s
	return nil
}

func setInt(dst *int, raw any, least, most int) error {
	var n int
	switch v := raw.(type) {
	case int:
		n = v
	case string: // environment, flags
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			return errValue
		}
	default:
		return errValue
	}
	if n < least || n > most {
		return errValue
	}
	*dst = n
	return nil
}

func setDuration(dst *time.Duration, raw any, least, most time.Duration) error {
	s, ok := raw.(string)
	if !ok {
		return errValue
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < least || d > most {
		return errValue
	}
	*dst = d
	return nil
}

// sizeUnits are the units of sizes, largest first.
var sizeUnits = []struct {
	name  string
	bytes int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}

func setSize(dst *int64, raw any, least, most int64) error {
	s, ok := raw.(string)
	if !ok {
		return errValue
	}
	for _, u := range sizeUnits {
		digits, found := strings.CutSuffix(s, u.name)
		if !found {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > most/u.bytes || n*u.bytes < least {
			return errValue
		}
		*dst = n * u.bytes
		return nil
	}
	return errValue
}

func formatSize(n int64) string {
	for _, u := range sizeUnits {
		if n >= u.bytes && n%u.bytes == 0 {
			return fmt.Sprintf("%d%s", n/u.bytes, u.name)
		}
	}
	return "0B"
}

func setNodes(c *Config, raw any) error {
	c.Cluster.Nodes = nil
	switch v := raw.(type) {
	case nil:
		return nil
	case string:
		if v == "" {
			return nil
		}
		for part := range strings.SplitSeq(v, ",") {
			name, address, _ := strings.Cut(part, "=")
			if err := addNode(c, name, address); err != nil {
				return err
			}
		}
		return nil
	case []any:
		for _, item := range v {
			m, ok := item.(map[string]any)
			if !ok || len(m) != 2 {
				return errValue
			}
			if err := addNode(c, m["name"], m["address"]); err != nil {
				return err
			}
		}
		return nil
	}
	return errValue
}

func addNode(c *Config, name, address any) error {
	var n string
	var node Node
	if err := setName(&n, name); err != nil {
		return err
	}
	if err := setAddress(&node.Address, address); err != nil {
		return err
	}
	node.Name = object.NodeID(n)
	c.Cluster.Nodes = append(c.Cluster.Nodes, node)
	return nil
}

func getNodes(c *Config) string {
	parts := make([]string, len(c.Cluster.Nodes))
	for i, n := range c.Cluster.Nodes {
		parts[i] = fmt.Sprintf("{name: %s, address: %q}", n.Name, n.Address)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// Package configs reads what an operator wants of an ssmr server: a YAML file,
// environment variables and command-line flags, in rising order of precedence,
// over defaults.
//
//	cfg, err := configs.Load(args, os.Environ())
//
// Every key is in one table (keys.go), which says what it means, what is allowed
// and what holds when it is not given. A key that is not in the table, a value of
// the wrong type and a value out of range are errors that name the key, where the
// value came from, and what is allowed. Nothing is opened before all of it is
// right.
//
// A key "log.format" is written log: {format: ...} in YAML, SSMR_LOG_FORMAT in the
// environment and --log-format on the command line.
//
// The folder also holds files to start from: single.yaml for one node, and
// cluster-n1.yaml, cluster-n2.yaml and cluster-n3.yaml for a cluster of three on
// this machine.
package configs

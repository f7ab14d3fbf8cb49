// Command bench runs the same pgbench scripts against a cluster of three ssmr
// nodes and against PostgreSQL with quorum commit to two standbys, in turns on
// this machine, and prints how they compare.
//
//	go run ./tests/bench                      # point read, update, hot row, insert at 1, 16, 64 and 256 clients
//	go run ./tests/bench -clients 16,64 -time 10s -only update,hot
//	go run ./tests/bench -clients 16,64 -only transfer1,transfer2,contended,shares
//
// retries is how often ssmr answered 40001 for each transaction, and pgbench began it
// again. It needs pgbench and a PostgreSQL server (Debian: postgresql, postgresql-contrib).
// Absolute figures of a shared machine say little; the ratios of one run do.
package main

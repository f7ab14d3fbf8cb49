// Command bench runs the same pgbench scripts against a cluster of three ssmr
// nodes and against PostgreSQL with quorum commit to two standbys, in turns on
// this machine, and prints how they compare.
//
//	go run ./tests/bench                      # point read, update, hot row, insert at 1, 16, 64 and 256 clients
//	go run ./tests/bench -clients 16,64 -time 10s -only update,hot
//	go run ./tests/bench -clients 16,64 -only transfer1,transfer2,contended,shares
//	go run ./tests/bench -clients 16,64 -time 3s -only policyinserts,tenants
//
// policyinserts and tenants compare placements of ssmr with each other, and need no
// PostgreSQL server. policyinserts: inserts of 1 and of 100 rows by hash, by the built-in
// list (its extra is the oracle's round), and by the programs home (which does nothing)
// and geo (their extra beyond that is the call, whose mean time is "policy ms"). tenants:
// transactions over five objects of one tenant, of seven statements that are sent one by one
// or in one message, and of one statement, and how many of them touched one partition. What
// they gain by their placement they gain of the commit: to send and answer seven messages
// costs the same everywhere. In tenantsnear the clients of each tenant are at the node that
// leads its objects, in place of all at one. -groups 4 has a Raft group for each partition;
// in one group a transaction over partitions is one log entry, too.
//
// retries is how often ssmr answered 40001 for each transaction, and pgbench began it
// again. It needs pgbench and a PostgreSQL server (Debian: postgresql, postgresql-contrib).
// Absolute figures of a shared machine say little; the ratios of one run do.
package main

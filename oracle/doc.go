// Package oracle knows which partition holds which object, and what tables there
// are. It locates; whether an object exists is for its partition to say.
//
// The oracle is a replicated state machine (Machine, group 0) of the catalog
// (tables, partitions, slots, sequences) and the directory (object id ->
// location). Around it:
//
//   - Service runs on each node that holds a replica. It answers other nodes
//     (cluster methods 0x02..), streams updates to them, and, while its replica
//     leads, drives what the log intends: moves, releases, schema changes, the
//     floor below which partitions forget. Every step is idempotent, so the next
//     leader goes on where the last one stopped.
//   - Client finds the oracle's leader from any node, and retries.
//   - Cache is what a node's executor uses: the catalog as an immutable snapshot,
//     a bounded cache of locations that is monotone by version, batched
//     assignments, releases, sequence blocks, and the ways to schema changes and
//     moves.
//
// # Locations
//
// A location version is the index of the log entry that assigned it, or the next
// free number where one entry assigns several (the log's clock): it only grows.
//
// Objects of a static table have a directory entry only where they were moved;
// the absence of an entry means the home (catalog.Snapshot.Home). Objects of any
// other table are assigned before they are created: Cache.Assign, where the first
// one wins and later ones get the location that stands.
//
// While an object moves, the location that stands is the old one: only after the
// source has let it go does anybody hear of the new one, from the source's
// redirect (Located.Arriving) or, after the arrival, from the oracle.
//
// # A node
//
//	machine := oracle.NewMachine(logger)
//	group, err := host.Start(replication.GroupConfig{ID: object.OracleGroup, StateMachine: machine, ...})
//	service, err := oracle.NewService(oracle.ServiceConfig{Transport: t, ...}, machine, group, partitions)
//	client, err := oracle.NewClient(oracle.ClientConfig{Transport: t, Replicas: nodes, Local: service})
//	cache, err := oracle.NewCache(oracle.CacheConfig{}, client)
//	...
//	cache.Close(); service.Close()
//
// A node without a replica of the oracle has client and cache only. A new cluster
// is told once what it consists of: Client.Initialise.
package oracle

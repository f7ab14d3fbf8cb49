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
// # Moves
//
// The moves of one request (Cache.Move, up to 4096 ids) are intended by one entry of
// the log, in batches of one source and about ServiceConfig.MoveBytes each: once it is
// logged, this leader or another carries out all of it; before that, nothing was
// moved. It is not logged while one of the ids is part of another move or of a release, or
// its table is being changed, or 256 batches are under way: the request waits, as
// long as its context allows, and then nothing has been moved. (A request that is begun
// while there is room for one batch may exceed the 256 by its own.) What a departure
// has no room for follows in a batch that is logged by the entry that finishes the
// one before. Ids without an object are told as NotFound and keep nobody from moving.
// Requests of several calls are several.
//
// A source is told that a batch has arrived beside the entry that finishes it, because
// statements over key ranges wait for that; so that they find a moment without
// any object on its way, departures rest for 20 ms after 200 ms.
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

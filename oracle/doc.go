// Package oracle knows which partition holds which object, and what tables there
// are. It locates; whether an object exists is for its partition to say.
//
// The oracle is a replicated state machine (Machine, object.OracleMachine) of the catalog
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
//     assignments, releases, sequence blocks, histories of places, and the ways to
//     schema changes and moves.
//
// # Locations
//
// A location version is the index of the log entry that assigned it, or the next
// free number where one entry assigns several (the log's clock): it only grows.
//
// Objects of a static table have a directory entry only where they were moved or pinned;
// the absence of an entry means the home (catalog.Snapshot.Home). Objects of any
// other table are assigned before they are created: Cache.Assign, where the first
// one wins and later ones get the location that stands.
//
// On disk the entries of up to 16 neighbouring ids are one key (page). Where new ids come
// nearly in order, each replica knows for certain that they have no entry, and does not look
// for them (vacancies).
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
// # Policies, pins and history
//
// The catalog holds the policies that are programs (Cache.ChangePolicy) and the limits of
// partitions (Cache.ChangePartition). The oracle runs no policy. What it holds when an entry
// of its log is applied, whatever nodes believed: a table names a policy that exists; no id
// is newly assigned (40001), and none moves (Barred), to a partition that is closed or lacks
// a label that the table requires. Capacities are not its business, and an id that has a
// location keeps it.
//
// A directory entry says how the object came where it is: when (by the clock of the leader
// that proposed it), from where, who wanted it and why. At most 16 older places are kept
// beside it; texts are cut at 200 bytes. All of it goes with the entry: when the object is
// released, or comes home to where its static table has it without a pin.
//
// A pin is a part of the entry. Whoever pins or unpins an object (catalog.PinMode) waits for
// a move of it that is under way with another mode. A static object that is pinned at its
// home has an entry there, which all nodes hear of, so that a delete releases it. One that is
// pinned where nothing is known of it is looked for by a release, so that a pin of nothing
// does not last.
//
// Moves that a policy asks for by itself (Origin without User) are bounded by the table's
// Budget: moves and bytes a second by a bucket in the leader's memory that holds what comes
// in a second, the cool-down by the time of the last move in the entry. What there is no
// room for is Deferred, and holds up nothing.
//
// # A node
//
//	machine := oracle.NewMachine(logger)
//	group, err := host.Start(replication.GroupConfig{ID: object.OracleGroup, ...}) // which takes machine for the oracle's
//	replica, err := group.Machine(object.OracleMachine)
//	service, err := oracle.NewService(oracle.ServiceConfig{Transport: t, ...}, machine, replica, partitions)
//	client, err := oracle.NewClient(oracle.ClientConfig{Transport: t, Replicas: nodes, Local: service})
//	cache, err := oracle.NewCache(oracle.CacheConfig{}, client)
//	...
//	cache.Close(); service.Close()
//
// A node without a replica of the oracle has client and cache only. A new cluster
// is told once what it consists of: Client.Initialise.
package oracle

// Package partitions keeps objects: it executes commands on them, answers reads,
// and finds the partition's leader for who wants either.
//
// Each partition is a state machine, package state, in a Raft group that it may share
// with others. A Service is a node's part: it has the replicas that the node holds, and
// serves their leaders' calls. A Client is how the rest of the node speaks to
// partitions, wherever they are led.
//
//	service, err := partitions.NewService(partitions.Config{}, transport)
//	group, err := host.Start(replication.GroupConfig{ID: 1, Peers: peers, Machine: service.StateMachine})
//	err = service.Open(1, group)                  // this node's replica of partition 1
//	client, err := partitions.NewClient(partitions.ClientConfig{
//		Incarnation: starts, Replicas: replicas,
//	}, transport, service)
//	result, err := client.Write(ctx, 1, &command.Write{...})
//	chunk, err := client.Read(ctx, 1, &command.Read{...})
//	for !chunk.Cursor.IsZero() { chunk, err = client.Next(ctx, 1, chunk.Cursor) }
//
// Order: the transport and the replication host are opened before the service
// and closed after it. A node has one Client: it numbers the node's commands.
//
// # Writes
//
// A command is executed at most once for each call, however often it is sent.
// What the partition says is data: a Refusal (it changed nothing), an Err (the
// statement failed; it changed nothing), or what was done. A Go error means that
// there is no answer: one with SQLSTATE 40001 says that the command was not
// executed and will not be, one with 40003 that this is unknown.
//
// A command that meets the lock of a transaction waits in the partition's queue. When
// the caller's context ends, whatever it has sent is looked after for up to the Grace: what
// waits is withdrawn, and the error says that it had no effect (55P03 where that is
// the cause of the context's end, else 40001); what was executed is the answer.
//
// A Write over Spans is executed in parts when it touches more than one log entry
// may: each part is atomic, the whole is not. Write goes on until all is done.
// Where a later part fails, Err's detail says how many objects were changed. By
// Transact it is atomic, whatever its size.
//
// # Transactions
//
// Transact has parts executed in several partitions, all or none, in one round of
// replication. Where the partitions share a group it is one entry of its log, and all is
// said (see Joint in package replication): it locks nothing, and meets no other of its
// kind. What is too large for that, or has met locks three times, goes the way of
// partitions that do not: package attempt decides, this package sends. The client has its
// answer when all have said yes; that they are committed the participants hear behind
// it, gathered for each partition. Until then what was changed is locked: reads of the
// newest state and other commands wait.
//
// At first all participants are asked at once and none waits. Where one meets a lock all
// is given up, and the participants are asked one after another, ascending, each in its
// partition's queue. (The first refusal is enough: in a crowd, further attempts at once
// do nothing but hold others up. Objects where locks were met lately are not tried at
// once at all.) Whoever holds locks while it waits gives them up after
// a second and starts over, so that it is in nobody's way for long, not even a session's
// that reads what it has locked. One with a single participant takes one entry of its
// log, and waits in the queue at once. Who is not Patient, because it holds locks of a
// session, never waits but tries for a second.
//
// A part that is large is sent in several commands. When a participant does not
// answer, it is asked, through its log, what became of the transaction, and if it is not
// prepared never lets it be. Where nothing took effect it is attempted again, for up to
// ClientConfig.Patience. What is truly not known is 40003.
//
// # Locks of sessions
//
//	owner := client.NewTransaction()
//	granted, err := client.Lock(ctx, 1, &command.Lock{Owner: owner, ...})
//	votes, err := client.Transact(ctx, &command.Transaction{Owner: owner, ...})
//	client.Unlock(owner)
//
// Unlock has to be called, whatever became of the rest. Sessions that wait for each
// other are found after a second: the one that began last is told 40P01.
//
// # Leadership
//
// A leader that gets most commands from one other node hands over to it (Config.StayLeader
// says otherwise): there they have no hop, and what else is led there shares messages and
// disk writes with them. It takes a few seconds, and does not follow loads that go to and
// fro.
//
// # Recovery
//
// A partition's leader looks after transactions that it has had for longer than
// Config.RecoverAfter. It asks their node. If this still has it, it is left to decide;
// otherwise (it answers no, or not at all) the leader decides, as any other might: all
// participants prepared, or one told of the commit, means that it is committed. Locks of
// sessions are given up when their node says that the session is over, or is silent for
// RecoverAfter. A committed transaction is forgotten by its participants when its
// coordinator says so, or does not need to ask any more.
//
// # Snapshots
//
// Snapshot pins the state of several partitions at one instant: all leaders show
// nothing newer until all have pinned theirs (one call for each node), then they go on;
// if one cannot say that it held until then, all over again, for up to 10 s. A
// transaction that is prepared in one state counts if all its participants have it
// prepared or committed at that instant; those that were not asked for are pinned too.
// Objects in transit are in the state of their source until they are in that of their
// destination. What is pinned is kept for Config.PinIdle after its last use.
//
// # Reads
//
// A read of named objects, or of key ranges, is answered from one snapshot: by this
// node's replica where it leads, or knows that it holds what the leader holds; else
// by the leader; or with MaxStaleness by any replica. Long answers
// come in chunks; the node that has the snapshot keeps a cursor, for a bounded
// idle time. Rows that are ordered by Program.OrderBy with a Limit come as a
// superset of the first rows, and only KeyOrder promises an order: the reader
// sorts what it merges. The same group of an aggregated read may come several
// times: the reader merges.
//
// Reads, Evaluates and Validates that meet changes of a transaction whose outcome is not
// known wait for it, for Config.ParkedTime; then they are refused as Awaited.
package partitions

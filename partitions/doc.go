// Package partitions keeps objects: it executes commands on them, answers reads,
// and finds the partition's leader for who wants either.
//
// Each partition is a Raft group whose state machine is package state. A Service
// is a node's part: it hosts the replicas that the node holds, and serves their
// leaders' calls. A Client is how the rest of the node speaks to partitions,
// wherever they are led.
//
//	service, err := partitions.NewService(partitions.Config{}, host, transport)
//	err = service.Open(1, peers, false)           // a replica of partition 1
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
// A Write over Spans is executed in parts when it touches more than one log entry
// may: each part is atomic, the whole is not. Write goes on until all is done.
// Where a later part fails, Err's detail says how many objects were changed.
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
package partitions

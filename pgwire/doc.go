// Package pgwire speaks version 3 of the PostgreSQL protocol with clients.
//
// It turns bytes into messages and messages into calls of a session.Session; it
// knows nothing of SQL. Messages are defined by pgproto3; reading and writing are
// done here, because a message's size is bounded before memory is taken for it,
// and because rows go straight from values to the output buffer.
//
//	srv, err := pgwire.New(pgwire.Config{MaxConnections: 100}, backend)
//	go srv.Serve(listener)
//	...
//	srv.Shutdown(ctx) // drains: running statements finish until ctx ends
//
// # State machine
//
// One goroutine serves one connection. After an error in the extended protocol
// everything is discarded until Sync, and each Sync is answered by exactly one
// ReadyForQuery. A frame whose content is malformed costs an error; a frame that
// cannot be understood as one ends the connection, because the place in the
// stream is lost.
//
// The session is told with each Execute whether a Sync is known to follow, so that a
// lone statement needs no transaction. That is known where the Sync has arrived with
// it; where nothing has, it is waited for, for a millisecond.
//
// A client that is silent for longer than its session allows (session.IdleLimit) is
// told so, and its connection ends.
//
// # Flow
//
// Output is buffered, and written when the buffer is full and before the
// connection waits for its client: whoever waits for an answer gets it, and whoever
// pipelines is answered in few writes. A write blocks while the client does not
// read: that holds up the client's own statement and nothing else.
package pgwire

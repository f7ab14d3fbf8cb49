// Package footprint keeps what a transaction has read and what it has written, on
// the node that its session is on. It computes; it sends nothing.
//
//	f := footprint.New(64 << 20)
//	err := f.Use(table)                   // false: the table has changed meanwhile
//	conflict := f.Read(id, place, revision)
//	f.Write(id, command.EffectPut, row)   // what was read before
//	view.Overlay = f.Overlay(table, spans, partition)
//	part := f.Part(partition, footprint.Reads)
//
// An object has one entry however often it is read and written: the revision of the
// first read, and what the transaction makes of it in the end. So a delete and a
// create of one id are an update, and a create and a delete are a check that the
// object does not exist. Key ranges that were read are kept with the fingerprint that
// their partition gave.
//
// Savepoints concern what is written alone. What was read stays read: the client
// has seen it.
package footprint

package oracle

import (
	"bufio"
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// someone is an origin with a reason.
func someone(reason string) catalog.Origin {
	return catalog.Origin{User: "ann", Policy: "geo", Version: "1.0", Reason: reason}
}

func sampleCommands() []logCommand {
	spec := tableSpec("t", true)
	ref := catalog.TableRef{ID: 16384, Version: 7, Name: "t"}
	return []logCommand{
		&initialise{Partitions: fourPartitions()},
		&assign{items: []catalog.Assignment{{ID: "\x00\x00\x40\x00a", Partition: 3}, {ID: "b"}}},
		&beginMoves{to: 2, ids: []object.ID{"a", "b"}, at: -5},
		&beginMoves{to: 2, ids: []object.ID{"a", "b"}, at: -5, whole: true, each: 77},
		&beginReleases{ids: []object.ID{"a"}},
		&finish{move: 300, fates: []fate{gone, stays, deferred, follows}, reason: "some", at: 1 << 50},
		&settled{moves: []object.LocationVersion{1, 2}},
		&allocate{table: 16384, column: 1, count: 32},
		&createTable{Request: RequestID{1}, Spec: spec},
		&alterTable{Request: RequestID{2}, Change: catalog.Change{Base: ref, Table: spec.Table, NotNull: []int{1}}},
		&dropTables{Request: RequestID{3}, Drop: catalog.Drop{Tables: []catalog.TableRef{ref}}},
		&truncate{Request: RequestID{4}, Truncate: catalog.Truncate{Tables: []catalog.TableRef{ref}, RestartIdentity: true}},
		&advance{Job: 5, From: phaseVerify, Err: pgerror.New(pgerror.CheckViolation, "no")},
		&adopt{job: 6, partition: 1, ids: []object.ID{"a"}},
		&clean{job: 7, limit: 100},
		&raiseFloor{},
		&changePolicy{Request: RequestID{5}, Change: catalog.PolicyChange{Base: 3, Policy: geoPolicy(), Drop: true}},
		&changePartition{Request: RequestID{6}, Change: catalog.PartitionChange{Partition: 2, Limits: catalog.PartitionLimits{Capacity: 5}}},
		&assign{at: 1 << 50, items: []catalog.Assignment{{ID: "a", Partition: 3, Origin: someone("x")}, {ID: "b", Partition: 1}, {ID: "c", Partition: 2, Origin: someone("x")}}},
		&beginMoves{to: 2, ids: []object.ID{"a", "b"}, at: 5, whole: true, each: 77, pin: catalog.Unpin, origin: someone("x"), reasons: []string{"x", "y"}, unpaid: 1},
	}
}

func TestCommandsComeBack(t *testing.T) {
	for _, c := range sampleCommands() {
		b := c.append(nil)
		got, err := decodeCommand(b)
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%T: %+v, %v; want %+v", c, got, err, c)
		}
		for n := range b {
			if _, err := decodeCommand(b[:n]); err == nil {
				t.Errorf("%T: the first %d of %d bytes are a command too", c, n, len(b))
			}
		}
	}
	if n := len(sampleCommands()); n != int(kindBeginFrom) {
		t.Errorf("%d samples of %d kinds", n, kindBeginFrom)
	}
}

func FuzzDecodeCommand(f *testing.F) {
	for _, c := range sampleCommands() {
		f.Add(c.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodeCommand(b)
		if err != nil {
			return
		}
		// Fields that are empty may be left out, so it is the encodings that are equal.
		first := c.append(nil)
		again, err := decodeCommand(first)
		if err != nil || !bytes.Equal(again.append(nil), first) {
			t.Errorf("%T does not come back: %v", c, err)
		}
	})
}

func FuzzDecodeMessages(f *testing.F) {
	f.Add((&locateRequest{confirm: true, ids: []object.ID{"a", "b"}}).append(nil))
	f.Add((&locateAnswer{clock: 9, locations: []object.Location{{Partition: 1, Version: 2}}}).append(nil))
	f.Add(appendAssigned(nil, []assigned{{location: object.Location{Partition: 1, Version: 2}, busy: true}}))
	f.Add(appendMoveRequest(nil, &catalog.MoveRequest{To: 1, IDs: []object.ID{"a"}}))
	f.Add(appendMoveRequest(nil, &catalog.MoveRequest{To: 1, IDs: []object.ID{"a", "b"}, Pin: catalog.Pin, Origin: someone("x"), Reasons: []string{"x", "y"}, Bytes: []int64{1, 300}}))
	f.Add(appendAssignRequest(nil, []catalog.Assignment{{ID: "a", Partition: 3, Origin: someone("x")}, {ID: "b", Partition: 3, Origin: someone("y")}}))
	f.Add(somePage(newRand(1)).append(nil))
	f.Add(somePage(newRand(2)).append(nil))
	f.Add(appendPast(nil, []catalog.Placed{somePlaced(), {To: 3}}))
	f.Add((&batch{move: 1, table: 2, from: 3, to: 4, ids: []object.ID{"a"}, pin: catalog.Pin, origin: someone("x"), reasons: []string{"y"}}).append(nil))
	f.Add(appendUpdates(nil, []Update{{ID: "a", Location: object.Location{Partition: 1, Version: 2}, Kept: true}}))
	f.Add(appendUpdates(nil, []Update{{ID: "a", Location: object.Location{Partition: 1, Version: 2}, Gone: true}}))
	f.Add((&batch{move: 1, table: 2, from: 3, to: 4, ids: []object.ID{"a"}}).append(nil))
	f.Add((&counters{Clock: 1, NextTable: 2}).append(nil))
	f.Add(appendCluster(nil, fourPartitions(), make([]object.Location, 3)))
	f.Add([]byte(`{"Version":1,"Full":true}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := decodeLocateRequest(b); err == nil {
			roundTrip(t, m, m.append(nil), decodeLocateRequest)
		}
		if m, err := decodeLocateAnswer(b); err == nil {
			roundTrip(t, m, m.append(nil), decodeLocateAnswer)
		}
		if m, err := decodeAssigned(b); err == nil {
			roundTrip(t, m, appendAssigned(nil, m), decodeAssigned)
		}
		if m, err := decodeMoveRequest(b); err == nil {
			roundTrip(t, m, appendMoveRequest(nil, m), decodeMoveRequest)
		}
		if m, err := decodeAssignRequest(b); err == nil {
			roundTrip(t, m, appendAssignRequest(nil, m), decodeAssignRequest)
		}
		if m, err := decodePage(b); err == nil && m.has() != 0 {
			roundTrip(t, m, m.append(nil), decodePage)
			checkPlaces(t, m, b)
		}
		if m, err := decodePast(b); err == nil {
			roundTrip(t, m, appendPast(nil, m), decodePast)
		}
		if m, err := decodeUpdates(b); err == nil {
			roundTrip(t, m, appendUpdates(nil, m), decodeUpdates)
		}
		if m, err := decodeBatch(b); err == nil {
			roundTrip(t, m, m.append(nil), decodeBatch)
		}
		if m, err := decodeCounters(b); err == nil {
			roundTrip(t, m, m.append(nil), decodeCounters)
		}
		_, _, _ = decodeCluster(b)
		_ = decodeMoveResults(b)
		_, _, _ = readStreamFrame(bufio.NewReader(bytes.NewReader(b)))
		if d, err := decodeDelta(b); err == nil {
			_, _ = d.apply(&catalog.Snapshot{})
		}
	})
}

// somePlaced is an event of a history.
func somePlaced() catalog.Placed {
	return catalog.Placed{At: time.UnixMicro(1 << 50).UTC(), From: 1, To: 2, Origin: someone("x"), Pinned: true}
}

func roundTrip[M any](t *testing.T, m M, b []byte, decode func([]byte) (M, error)) {
	t.Helper()
	again, err := decode(b)
	if err != nil || !reflect.DeepEqual(again, m) {
		t.Errorf("%T does not come back: %v", m, err)
	}
}

func TestFeedSaysWhatWasMissed(t *testing.T) {
	f := newFeed()
	for i := range feedLength + 10 {
		f.publish([]Update{{Location: object.Location{Version: object.LocationVersion(i)}}})
	}
	got, next, missed := f.since(5, 3, nil)
	if !missed || next != 13 || len(got) != 3 || got[0].Location.Version != 10 {
		t.Errorf("from 5: %v, next %d, missed %v", got, next, missed)
	}
	got, next, missed = f.since(f.position()-1, 3, nil)
	if missed || len(got) != 1 || next != f.position() {
		t.Errorf("the last: %v, next %d, missed %v", got, next, missed)
	}
}

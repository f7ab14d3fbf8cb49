package partitions

import (
	"sync"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/command"
)

// followerOf returns a node that does not lead, once it serves reads from its own
// replica.
func followerOf(t *testing.T, nodes []*node) *node {
	t.Helper()
	leader := leaderOf(t, nodes)
	for _, n := range nodes {
		if n == leader {
			continue
		}
		serves(t, n, scanRead())
		return n
	}
	t.Fatal("no follower")
	return nil
}

// serves waits until a node answers a read from its own replica.
func serves(t *testing.T, n *node, q *command.Read) *command.Chunk {
	t.Helper()
	var chunk *command.Chunk
	eventually(t, "an answer of the node's own replica", func() (ok bool) {
		var err error
		chunk, err = n.service.read(testContext(t), n.id, testPartition, q, true)
		return err == nil
	})
	return chunk
}

// A cursor is where the read was answered, and any node goes on with it.
func TestCursorsOfFollowers(t *testing.T) {
	nodes := newCluster(t, 3, nil)
	mustWrite(t, nodes[0].client, createOf(10, rangeOf(200)...))
	f := followerOf(t, nodes)
	chunk := serves(t, f, scanRead())
	if chunk.Cursor.Node != f.id {
		t.Fatalf("the cursor is on node %s, the read was answered by %s", chunk.Cursor.Node, f.id)
	}
	mustWrite(t, nodes[0].client, &command.Write{Kind: command.Delete, Table: testTable, Schema: schemaVersion, Spans: scanRead().Spans})
	rows := len(chunk.Rows)
	for i := 0; !chunk.Cursor.IsZero(); i++ {
		var err error
		if chunk, err = nodes[i%3].client.Next(testContext(t), testPartition, chunk.Cursor); err != nil {
			t.Fatal(err)
		}
		rows += len(chunk.Rows)
	}
	if rows != 200 {
		t.Errorf("%d rows, want the 200 of the snapshot", rows)
	}
}

// A read on a follower waits there for an object that is on its way, and says what
// the leader would say of one that is elsewhere.
func TestFollowersParkAndRefuse(t *testing.T) {
	nodes := newCluster(t, 3, func(c *Config) { c.ParkedTime = 20 * time.Second })
	mustWrite(t, nodes[0].client, createOf(10, 1))
	f := followerOf(t, nodes)
	elsewhere := pointRead(7)
	elsewhere.Targets[0].Version = 0
	chunk := serves(t, f, elsewhere)
	if chunk.Refusal == nil || chunk.Refusal.Reason != command.Elsewhere {
		t.Errorf("an object that is elsewhere: %+v", chunk)
	}
	early := pointRead(2)
	early.Targets[0].Version, early.Targets[0].Arriving = 20, true
	var wg sync.WaitGroup
	wg.Go(func() {
		if chunk, err := f.client.Read(testContext(t), testPartition, early); err != nil || len(chunk.Rows) != 1 {
			t.Errorf("parked read: %v %+v", err, chunk)
		}
	})
	eventually(t, "the read to be parked", func() bool { // on the leader where the follower was behind just then
		parked := 0
		for _, n := range nodes {
			parked += n.service.Status()[0].Parked
		}
		return parked == 1
	})
	row := createOf(10, 2).Targets[0].Row
	if _, err := nodes[0].client.Execute(testContext(t), testPartition,
		&command.Arrive{Move: 20, Objects: []command.Arrival{{ID: idOf(2), Row: row}}}); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
}

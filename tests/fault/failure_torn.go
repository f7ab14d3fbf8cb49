package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// tornLog kills a node and damages the end of the newest log file of one of its stores,
// as a write that was under way when the power failed does. Where bytes are damaged that
// an fsync had confirmed, the node has forgotten what it had acknowledged; of three
// replicas one may do that if the two others have it. So those are waited for before
// the node starts again, and the node before anything else happens. It may also refuse
// to start, saying why: it is given its log back then.
func tornLog(s *strike) {
	for _, n := range s.nodes {
		n.recover()
	}
	if !s.level(nil) {
		return
	}
	n := s.node()
	store := "log"
	if s.rnd.IntN(3) == 0 {
		store = "state"
	}
	n.kill()
	if file, err := n.newestLog(store); err != nil {
		s.verdict.doubt("the log of %s: %v", n.Name, err)
	} else if s.level(n) {
		if err := s.damage(n, store, file); err != nil {
			s.verdict.doubt("the log of %s: %v", n.Name, err)
		}
		n.start()
		n.expect(true)
		s.afterDamage(n, file)
	}
	n.recover()
	s.level(nil)
}

// damage changes the end of a file, and keeps a copy.
func (s *strike) damage(n *node, store, file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".whole", content, 0o600); err != nil {
		return err
	}
	content, what := tear(s.rnd, content)
	s.announce("kill -9 %s, and the newest log file of its %s store %s", n.Name, store, what)
	return os.WriteFile(file, content, 0o600)
}

// tear damages the end of a log.
func tear(rnd *rand.Rand, content []byte) (torn []byte, what string) {
	rubbish := make([]byte, 1+rnd.IntN(5000))
	for i := range rubbish {
		rubbish[i] = byte(rnd.Uint32())
	}
	switch n := min(len(content), 1+rnd.IntN(3000)); rnd.IntN(4) {
	case 0:
		return content[:len(content)-n], fmt.Sprintf("ends %d bytes early", n)
	case 1:
		copy(content[len(content)-n:], rubbish)
		return content, fmt.Sprintf("ends in %d bytes of rubbish", min(n, len(rubbish)))
	case 2:
		clear(content[len(content)-n:])
		return content, fmt.Sprintf("ends in %d bytes of zeros", n)
	}
	return append(content, rubbish...), fmt.Sprintf("has %d bytes of rubbish behind its end", len(rubbish))
}

// afterDamage waits until the node serves, or has refused to start for a reason that it
// tells; then its log is made whole again.
func (s *strike) afterDamage(n *node, file string) {
	for deadline := time.Now().Add(readyLimit); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if n.alive() {
			if n.serves() {
				_ = os.Remove(file + ".whole")
				return
			}
			continue
		}
		last := n.Log(1)
		if strings.Contains(n.Log(30), "panic:") || !strings.HasPrefix(last, "ssmr-server:") {
			s.verdict.add(violation{where: n.Name, what: "it ends without a clear line about its damaged log", text: n.Log(20)})
		}
		s.announce("%s refuses its damaged log: %s", n.Name, last)
		if err := os.Rename(file+".whole", file); err != nil {
			s.verdict.doubt("the log of %s: %v", n.Name, err)
		}
		return
	}
}

// level waits until all replicas hold the same, but for those of a node that is down;
// false where that does not come about in time.
func (s *strike) level(down *node) bool {
	ask := s.nodes[0]
	if ask == down {
		ask = s.nodes[1]
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		found, err := replicas(ctx, ask)
		cancel()
		if down != nil {
			found = slices.DeleteFunc(found, func(r replica) bool { return r.Node == down.Name })
		}
		if err == nil && complete(found) {
			return true
		}
	}
	return false
}

// replica is a row of ssmr.replicas.
type replica struct {
	Partition int
	Node      string
	Applied   *int64
	Checksum  *string
}

// replicas has all replicas compared.
func replicas(ctx context.Context, n *node) ([]replica, error) {
	conn, err := n.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, "SELECT partition, node, applied, checksum FROM ssmr.replicas")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[replica])
}

// complete reports whether all replicas have answered.
func complete(all []replica) bool {
	for _, r := range all {
		if r.Applied == nil || r.Checksum == nil {
			return false
		}
	}
	return len(all) > 0
}

// differences lists replicas that differ from others of their group.
func differences(all []replica) []string {
	var out []string
	first := make(map[int]replica)
	for _, r := range all {
		if r.Applied == nil || r.Checksum == nil {
			continue
		}
		f, ok := first[r.Partition]
		if !ok {
			first[r.Partition] = r
			continue
		}
		if *f.Applied != *r.Applied || *f.Checksum != *r.Checksum {
			out = append(out, fmt.Sprintf("partition %d: %s holds %s at index %d, %s holds %s at index %d",
				r.Partition, f.Node, *f.Checksum, *f.Applied, r.Node, *r.Checksum, *r.Applied))
		}
	}
	return out
}

package main

import (
	"bytes"
	"fmt"
	"os"
	"time"
)

// diskFull leaves a node without space on its disk for a while. It may live on, or end
// because its write-ahead log is broken off.
func diskFull(s *strike) {
	n := s.node()
	s.announce("the disk of %s is full", n.Name)
	badDisk(s, n, "full")
}

// fsyncFails has an fsync fail. The node has to end: what it has confirmed to others
// must not rest on what may be lost.
func fsyncFails(s *strike) {
	n := s.node()
	s.announce("fsync fails on %s", n.Name)
	badDisk(s, n, "fsync")
}

// badDisk gives a node a bad disk for a while.
func badDisk(s *strike, n *node, mode string) {
	n.expect(true)
	printed := n.printed()
	n.setDisk(mode)
	s.wait(300*time.Millisecond, 3*time.Second)
	n.setDisk("")
	time.Sleep(300 * time.Millisecond) // what was under way has met it or not
	if n.hasPrinted(printed, "store has failed") {
		// Until it ends it may answer as if nothing were.
		select {
		case <-n.Exited():
		case <-time.After(endLimit):
			n.site.verdict.add(violation{where: n.Name, what: "it does not end though its store has failed", text: n.Log(15)})
			n.kill()
		}
	}
	if !n.alive() {
		s.announce("%s has ended, and is started again", n.Name)
	}
	n.recover()
}

// printed is how much all processes of the node have printed, in bytes.
func (n *node) printed() int64 {
	info, err := os.Stat(n.LogFile())
	if err != nil {
		return 0
	}
	return info.Size()
}

// hasPrinted reports whether a text is in what was printed since so much was.
func (n *node) hasPrinted(since int64, what string) bool {
	text, err := os.ReadFile(n.LogFile())
	return err == nil && int64(len(text)) > since && bytes.Contains(text[since:], []byte(what))
}

// slowDisk slows the fsyncs of some nodes.
func slowDisk(s *strike) {
	for _, n := range s.nodes {
		if s.rnd.IntN(2) == 0 {
			continue
		}
		d := s.between(5*time.Millisecond, 200*time.Millisecond).Round(time.Millisecond)
		s.announce("fsync takes %s on %s", d, n.Name)
		n.setDisk(fmt.Sprintf("slow %s", d))
	}
	s.wait(time.Second, 6*time.Second)
	for _, n := range s.nodes {
		n.setDisk("")
	}
}

// powerLost takes the power of one node, or of all at once: what no fsync has
// confirmed is gone.
func powerLost(s *strike) {
	nodes := s.some()
	if s.rnd.IntN(3) == 0 {
		nodes = s.nodes
	}
	s.announce("the power of %s fails", namesOf(nodes))
	for _, n := range nodes {
		n.expect(true)
		n.setDisk("power")
	}
	for _, n := range nodes {
		select {
		case <-n.Exited():
		case <-time.After(endLimit):
			n.site.verdict.doubt("%s did not notice that its power failed", n.Name)
			n.Kill()
		}
		n.setDisk("")
	}
	s.wait(50*time.Millisecond, 2*time.Second)
	for _, n := range nodes {
		n.start()
	}
	for _, n := range nodes {
		n.recover()
	}
}

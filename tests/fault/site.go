package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ssmr/ssmr/tests/harness"
)

const (
	readyLimit = 90 * time.Second
	// endLimit bounds how long a process may take that has to end by itself.
	endLimit = 20 * time.Second
)

// site is the cluster with all that can be done to it.
type site struct {
	nodes   []*node
	network *network
	log     *history
	verdict *verdict
	say     func(format string, args ...any)
	// hooks says that the binary has hooks for failures, clocks that clocks can jump.
	hooks, clocks bool
	dumped        atomic.Int64 // when locks were noted last
}

// node is one server with the switches of its failures.
type node struct {
	*harness.Node
	site *site
	disk string // the file that says what is wrong with its disk
	step string // the file that says at which step it ends

	mu    sync.Mutex // guards what follows
	clock *clock
	// expected says that its process may end: it was killed, or its disk is bad.
	expected bool
	ended    chan struct{} // closed when the end of the process was noticed
}

// siteConfig says what a site is made of.
type siteConfig struct {
	nodes   int
	groups  int
	program string   // an ssmr-server
	env     []string // of all nodes
	hooks   bool     // program was built with the tag fault
	clocks  bool
}

// newSite starts a cluster.
func newSite(r harness.Reporter, cfg siteConfig, log *history, v *verdict, say func(string, ...any)) (*site, error) {
	s := &site{log: log, verdict: v, say: say, hooks: cfg.hooks, clocks: cfg.clocks}
	cluster := harness.Prepare(r, cfg.nodes, "--groups", strconv.Itoa(cfg.groups))
	var names, addresses []string
	if cfg.nodes > 1 {
		for part := range strings.SplitSeq(cluster.Nodes[0].Argument("--cluster-nodes"), ",") {
			name, address, _ := strings.Cut(part, "=")
			names, addresses = append(names, name), append(addresses, address)
		}
		s.network = newNetwork(names)
		r.Cleanup(s.network.close)
		proxied, err := s.network.through(names, addresses)
		if err != nil {
			return nil, err
		}
		for i, n := range cluster.Nodes {
			n.Configure("--cluster-nodes", strings.Join(proxied, ","), "--cluster-listen", addresses[i])
		}
	}
	for _, n := range cluster.Nodes {
		member := &node{Node: n, site: s, disk: n.Dir + ".disk", step: n.Dir + ".step"}
		n.Use(cfg.program)
		n.Setenv(cfg.env...)
		if cfg.hooks {
			n.Setenv("FAULT_DISK="+member.disk, "FAULT_STEP="+member.step)
		}
		s.nodes = append(s.nodes, member)
	}
	r.Cleanup(func() { // before the harness ends the processes
		for _, n := range s.nodes {
			n.expect(true)
		}
	})
	for _, n := range s.nodes {
		n.start()
	}
	for _, n := range s.nodes {
		n.WaitReady(readyLimit)
	}
	return s, nil
}

// start starts the process, and has its end noticed.
func (n *node) start() {
	n.Start()
	ended := make(chan struct{})
	n.mu.Lock()
	n.expected, n.ended = false, ended
	n.mu.Unlock()
	exited := n.Exited()
	go func() {
		defer close(ended)
		<-exited
		n.mu.Lock()
		defer n.mu.Unlock()
		if !n.expected {
			n.site.verdict.add(violation{where: n.Name, what: "the process has ended by itself", text: n.Log(15)})
		}
	}()
	if n.site.clocks {
		n.setClock()
	}
}

// expect says whether the process may end.
func (n *node) expect(may bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.expected = may
}

// alive reports whether the process runs.
func (n *node) alive() bool {
	select {
	case <-n.Exited():
		return false
	default:
		return true
	}
}

// kill ends the process with SIGKILL.
func (n *node) kill() {
	n.expect(true)
	n.Kill()
}

// terminate asks the process to end, and holds it to do that well.
func (n *node) terminate() {
	n.expect(true)
	n.Signal(syscall.SIGTERM)
	select {
	case <-n.Exited():
		if code := n.Terminate(); code != 0 {
			n.site.verdict.add(violation{where: n.Name, what: fmt.Sprintf("exit code %d after SIGTERM", code), text: n.Log(15)})
		}
	case <-time.After(endLimit + 10*time.Second):
		n.site.verdict.add(violation{where: n.Name, what: "it does not end after SIGTERM", text: n.Log(15)})
		n.Kill()
	}
}

// setDisk says what is wrong with the node's disk; "" for nothing.
func (n *node) setDisk(mode string) {
	next := n.disk + ".new"
	err := os.WriteFile(next, []byte(mode), 0o600)
	if err == nil {
		err = os.Rename(next, n.disk)
	}
	if err != nil {
		n.site.verdict.doubt("the disk of %s: %v", n.Name, err)
	}
}

// recover has a node run and serve again, whose process may have ended, or may be about
// to; it and others may have stopped themselves.
func (n *node) recover() {
	for deadline := time.Now().Add(readyLimit); ; {
		if !n.alive() {
			n.start()
		}
		n.expect(true)
		for _, other := range n.site.nodes {
			other.Continue()
		}
		if n.serves() {
			break
		}
		if time.Now().After(deadline) {
			n.site.verdict.add(violation{where: n.Name, what: fmt.Sprintf("it does not serve again within %s", readyLimit), text: n.Log(25)})
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	n.expect(false)
}

// serves reports whether the node answers a statement for which it needs the others.
func (n *node) serves() bool {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	conn, err := n.Connect(ctx)
	if err != nil {
		return false
	}
	defer conn.Close(ctx)
	var count int
	err = conn.QueryRow(ctx, "SELECT count(*) FROM ssmr.partitions WHERE leader IS NOT NULL").Scan(&count)
	return err == nil && count > 0
}

// heal undoes all failures and waits until all nodes serve.
func (s *site) heal() {
	if s.network != nil {
		s.network.mend(false)
	}
	for _, n := range s.nodes {
		n.setDisk("")
		n.Continue()
		n.jump(0)
	}
	for _, n := range s.nodes {
		n.recover()
	}
}

// oracleLeader returns the node that leads the oracle, as far as one of the others
// knows; a random one of nodes where nobody does.
func (s *site) oracleLeader(otherwise *node) *node {
	for _, n := range s.nodes {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		conn, err := n.Connect(ctx)
		if err == nil {
			var name string
			err = conn.QueryRow(ctx, "SELECT node FROM ssmr.nodes WHERE leads_oracle").Scan(&name)
			_ = conn.Close(ctx)
			if i := slices.IndexFunc(s.nodes, func(n *node) bool { return n.Name == name }); err == nil && i >= 0 {
				cancel()
				return s.nodes[i]
			}
		}
		cancel()
	}
	return otherwise
}

// newestLog returns the newest file of the write-ahead log of one of a node's stores.
func (n *node) newestLog(store string) (string, error) {
	names, err := filepath.Glob(filepath.Join(n.Dir, store, "*.log"))
	if err != nil || len(names) == 0 {
		return "", fmt.Errorf("no log in %s: %v", filepath.Join(n.Dir, store), err)
	}
	slices.Sort(names) // Pebble numbers them with leading zeros
	return names[len(names)-1], nil
}

// dump notes who waits for whom, at most every two seconds.
func (s *site) dump(why string) {
	now, last := s.log.now(), s.dumped.Load()
	if now-last < int64(2*time.Second) || !s.dumped.CompareAndSwap(last, now) {
		return
	}
	for _, n := range s.nodes {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		found, err := unfinished(ctx, n)
		cancel()
		if err == nil {
			s.log.write(line{Who: "locks", Node: n.Name, From: now, To: s.log.now(), Do: why, Steps: found})
			return
		}
	}
}

// announce prints and notes what is about to be done.
func (s *site) announce(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.say("%7s  %s", time.Duration(s.log.now()).Round(10*time.Millisecond), text)
	now := s.log.now()
	s.log.write(line{Who: "failure", From: now, To: now, Do: text})
}

package main

import "time"

// setClock prepares the clock of a node that has just started.
func (n *node) setClock() {
	c, err := newClock(n.Pid())
	if err != nil {
		select {
		case <-n.Exited(): // that is why
		default:
			n.site.verdict.doubt("the clock of %s cannot jump: %v", n.Name, err)
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.clock = c
}

// jump has the node's wall clock be wrong by an offset, in whole seconds.
func (n *node) jump(offset time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.clock == nil {
		return
	}
	if err := n.clock.set(offset); err != nil && n.alive() {
		n.site.verdict.doubt("the clock of %s does not jump: %v", n.Name, err)
	}
}

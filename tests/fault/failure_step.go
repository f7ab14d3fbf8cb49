package main

import (
	"fmt"
	"os"
	"time"
)

// Steps of what the oracle's leader drives, as internal/crashpoint names them.
var (
	stepsOfMoves   = []string{"Depart", "Arrive", "finish", "Settle", "settled"}
	stepsOfSchemas = []string{"InstallTable", "advance"}
)

// stepLost kills or stops the oracle's leader right before or after a step of a move or of a
// schema change: of the next one that is taken, whoever has asked for it.
func stepLost(s *strike) {
	t := s.tables[s.rnd.IntN(len(s.tables))]
	steps, sql := stepsOfMoves, fmt.Sprintf("MOVE %s WHERE %s TO PARTITION %d", t.name, t.some(s.rnd), 1+s.rnd.IntN(partitions))
	if s.rnd.IntN(3) == 0 {
		steps, sql = stepsOfSchemas, fmt.Sprintf("ALTER TABLE %s ADD COLUMN IF NOT EXISTS step text", t.name)
		if s.rnd.IntN(2) == 0 {
			sql = fmt.Sprintf("ALTER TABLE %s DROP COLUMN IF EXISTS step", t.name)
		}
	}
	how := []string{"kill", "stop"}[s.rnd.IntN(2)]
	step := []string{"before", "after"}[s.rnd.IntN(2)] + " " + steps[s.rnd.IntN(len(steps))]
	for _, n := range s.nodes {
		n.expect(true)
		n.setStep(how + " " + step)
	}
	asked := s.node().try(sql)
	met := s.stepMet(3 * time.Second)
	if met != nil {
		s.announce("%s %s, which leads the oracle, %s, during %s", how, met.Name, step, sql)
		s.wait(50*time.Millisecond, 3*time.Second)
	}
	for _, n := range s.nodes {
		n.setStep("")
	}
	<-asked
	for _, n := range s.nodes {
		n.recover()
	}
}

// stepMet waits for a node to come to the step; nil where none does.
func (s *strike) stepMet(most time.Duration) *node {
	for deadline := time.Now().Add(most); time.Now().Before(deadline) && s.stop.Err() == nil; time.Sleep(5 * time.Millisecond) {
		for _, n := range s.nodes {
			if _, err := os.Stat(n.step); os.IsNotExist(err) {
				return n
			}
		}
	}
	return nil
}

// setStep says before or after which step the process is to end; "" for none.
func (n *node) setStep(text string) {
	err := os.WriteFile(n.step, []byte(text), 0o600)
	if text == "" {
		err = os.Remove(n.step)
	}
	if err != nil && !os.IsNotExist(err) {
		n.site.verdict.doubt("the step of %s: %v", n.Name, err)
	}
}

package attempt

import (
	"fmt"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
)

// Kind says what a Step has done.
type Kind uint8

// The kinds of steps, and what is reported of each.
const (
	// Prepare: send the participant its part. Voted, or Lost.
	Prepare Kind = iota + 1
	// Resolve: ask the participant. Resolved; to be tried until there is an answer.
	// The answer to a Prepare that is under way may come all the same, and may be
	// reported.
	Resolve
	// Commit and Abort: have the participant conclude. Concluded; to be tried until
	// there is an answer.
	Commit
	Abort
	// Forget: the participant need not remember the transaction. Forgotten, whether
	// there was an answer or not. See the package comment for Recover and Finish.
	Forget
)

// Step is something to be done at one participant.
type Step struct {
	Kind      Kind
	Partition object.PartitionID
	// Wait has a Prepare wait in the participant's queue.
	Wait bool
}

// Vote is what a Prepare has come to.
type Vote uint8

// The votes.
const (
	// Yes: the participant is prepared.
	Yes Vote = iota + 1
	// No: it holds nothing and never will, or the command was not sent.
	No
	// NoHolding: it will not be prepared, but may hold locks of earlier commands.
	NoHolding
)

// Decision is what became of the transaction.
type Decision uint8

// The decisions. Undecided is the only one that changes.
const (
	Undecided Decision = iota
	Committed
	NotCommitted
)

// standing is what is known of a participant.
type standing uint8

const (
	idle      standing = iota // nothing was sent
	asked                     // a Prepare is under way
	lost                      // whether it is prepared is not known, and is to be resolved
	resolving                 // a Resolve is under way, and a Prepare may be
	prepared
	refused    // it is not prepared, never will be, and holds nothing
	held       // it is not prepared and never will be, but may hold something
	concluding // a Commit or Abort is under way
	concluded
	forgetting // a Forget is under way
	forgotten
)

type participant struct {
	id       object.PartitionID
	standing standing
}

// Attempt is one attempt. It belongs to one goroutine at a time.
type Attempt struct {
	parts    []participant
	ordered  bool // one participant after another
	givenUp  bool
	decision Decision
}

// New begins an attempt of which nothing was sent. participants are in ascending
// order, without repetition. ordered has them prepared one after another, each
// waiting for locks; otherwise all are at once, and none waits.
func New(participants []object.PartitionID, ordered bool) *Attempt {
	a := &Attempt{parts: make([]participant, len(participants)), ordered: ordered}
	for i, p := range participants {
		a.parts[i].id = p
	}
	return a
}

// Recover begins where another may have stopped at any point: every participant is
// resolved.
func Recover(participants []object.PartitionID) *Attempt {
	a := New(participants, false)
	for i := range a.parts {
		a.parts[i].standing = lost
	}
	return a
}

// Finish begins where a participant is known to have been told of the commit: all
// are told, and then to forget.
func Finish(participants []object.PartitionID) *Attempt {
	a := New(participants, false)
	for i := range a.parts {
		a.parts[i].standing = prepared
	}
	a.decide()
	return a
}

// Decision returns what is decided. The caller may be answered as soon as it is not
// Undecided: nothing that happens later, here or elsewhere, changes it.
func (a *Attempt) Decision() Decision { return a.decision }

// Finished reports that nothing is left to be done or waited for.
func (a *Attempt) Finished() bool {
	for i := range a.parts {
		switch a.parts[i].standing {
		case refused, forgotten:
		case idle:
			if a.decision != NotCommitted {
				return false
			}
		case concluded:
			if a.decision != NotCommitted {
				return false
			}
		default:
			return false
		}
	}
	return a.decision != Undecided
}

// Released reports that the transaction was not committed and no participant holds
// anything of it: another attempt would not meet it.
func (a *Attempt) Released() bool { return a.decision == NotCommitted && a.Finished() }

// Steps returns what is to be done now and was not returned before.
func (a *Attempt) Steps() []Step { return a.AppendSteps(nil) }

// AppendSteps is Steps behind dst.
func (a *Attempt) AppendSteps(dst []Step) []Step {
	if a.decision == Undecided {
		dst = a.prepares(dst)
	}
	for i := range a.parts {
		p := &a.parts[i]
		switch {
		case p.standing == lost:
			p.standing = resolving
			dst = append(dst, Step{Kind: Resolve, Partition: p.id})
		case p.standing == prepared && a.decision == Committed:
			p.standing = concluding
			dst = append(dst, Step{Kind: Commit, Partition: p.id})
		case a.decision == NotCommitted && (p.standing == prepared || p.standing == held):
			p.standing = concluding
			dst = append(dst, Step{Kind: Abort, Partition: p.id})
		}
	}
	if a.decision != Committed || !a.all(concluded, forgetting, forgotten) {
		return dst
	}
	for i := range a.parts {
		if p := &a.parts[i]; p.standing == concluded {
			p.standing = forgetting
			dst = append(dst, Step{Kind: Forget, Partition: p.id})
		}
	}
	return dst
}

// prepares appends the Prepares that are due.
func (a *Attempt) prepares(dst []Step) []Step {
	if a.givenUp {
		return dst
	}
	for i := range a.parts {
		p := &a.parts[i]
		if p.standing == idle {
			p.standing = asked
			dst = append(dst, Step{Kind: Prepare, Partition: p.id, Wait: a.ordered})
		}
		if a.ordered && p.standing != prepared {
			break
		}
	}
	return dst
}

// Voted reports the answer to a Prepare. One that comes when the participant was
// resolved already changes nothing.
func (a *Attempt) Voted(id object.PartitionID, v Vote) {
	p := a.part(id)
	if p.standing != asked && p.standing != lost && p.standing != resolving {
		return
	}
	switch v {
	case Yes:
		p.standing = prepared
	case NoHolding:
		p.standing = held
	default:
		p.standing = refused
	}
	a.decide()
}

// Lost reports that a Prepare has no answer: it may have been executed, or may be
// still.
func (a *Attempt) Lost(id object.PartitionID) {
	if p := a.part(id); p.standing == asked {
		p.standing = lost
	}
}

// GiveUp says that the caller does not want the transaction any more. Nothing more is
// prepared; what is under way is resolved. The transaction may be committed all the
// same.
func (a *Attempt) GiveUp() {
	if a.givenUp || a.decision != Undecided {
		return
	}
	a.givenUp = true
	for i := range a.parts {
		switch p := &a.parts[i]; p.standing {
		case idle:
			p.standing = refused
		case asked:
			p.standing = lost
		}
	}
	a.decide()
}

// Resolved reports the answer to a Resolve.
func (a *Attempt) Resolved(id object.PartitionID, state command.TransactionState) {
	p := a.part(id)
	known := p.standing != resolving
	switch state {
	case command.TransactionCommitted:
		// Somebody saw all of them prepared. It is concluded here, and remembered until
		// it is forgotten, which takes that all have concluded.
		p.standing = concluded
		if a.decision == Undecided {
			a.commit()
		}
		return
	case command.TransactionPrepared:
		if !known {
			p.standing = prepared
		}
	default:
		if !known {
			p.standing = refused
		}
	}
	a.decide()
}

// commit decides for commit where a participant has been told so: the others are
// prepared, or have concluded, or even forgotten.
func (a *Attempt) commit() {
	a.decision = Committed
	for i := range a.parts {
		if p := &a.parts[i]; p.standing != concluded {
			p.standing = prepared
		}
	}
}

// Concluded reports that a Commit or Abort was executed.
func (a *Attempt) Concluded(id object.PartitionID) {
	if p := a.part(id); p.standing == concluding {
		p.standing = concluded
	}
}

// Forgotten reports that a Forget was executed, or will not be.
func (a *Attempt) Forgotten(id object.PartitionID) {
	if p := a.part(id); p.standing == forgetting {
		p.standing = forgotten
	}
}

// decide draws the conclusion from what the participants are.
func (a *Attempt) decide() {
	if a.decision != Undecided {
		return
	}
	if a.all(prepared) {
		a.decision = Committed
		return
	}
	for i := range a.parts {
		switch a.parts[i].standing {
		case refused, held:
			a.decision = NotCommitted
			return
		}
	}
}

func (a *Attempt) all(of ...standing) bool {
	for i := range a.parts {
		is := false
		for _, s := range of {
			is = is || a.parts[i].standing == s
		}
		if !is {
			return false
		}
	}
	return true
}

// part returns a participant. A report of another partition is a mistake of the
// driver.
func (a *Attempt) part(id object.PartitionID) *participant {
	for i := range a.parts {
		if a.parts[i].id == id {
			return &a.parts[i]
		}
	}
	panic(fmt.Sprintf("attempt: partition %d takes no part", id))
}

// String names the kind.
func (k Kind) String() string {
	return nameOf(int(k), "none", "prepare", "resolve", "commit", "abort", "forget")
}

// String names the decision.
func (d Decision) String() string { return nameOf(int(d), "undecided", "committed", "not committed") }

// String names the vote.
func (v Vote) String() string { return nameOf(int(v), "none", "yes", "no", "no, holding") }

func nameOf(i int, names ...string) string {
	if i < len(names) {
		return names[i]
	}
	return "unknown"
}

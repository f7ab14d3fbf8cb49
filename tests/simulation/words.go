package main

import (
	"fmt"
	"strings"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/partitions/state"
)

// The trace in words.

func name(w *world, id object.ID) string {
	if len(id) <= 4 {
		return "any"
	}
	return fmt.Sprintf("x%d", w.keyOf(id))
}

func describeTargets(w *world, targets []command.Target) string {
	var parts []string
	for i := range targets {
		s := fmt.Sprintf("%s@%d", name(w, targets[i].ID), targets[i].Version)
		if targets[i].Arriving {
			s += " arriving"
		}
		if targets[i].Unsure {
			s += " unsure"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}

func describeWrite(w *world, b *command.Write) string {
	s := b.Kind.String()
	if len(b.Spans) > 0 {
		s += " all"
	}
	if len(b.Context.Params) > 0 {
		s += " " + b.Context.Params[0].Text()
	}
	return s + " " + describeTargets(w, b.Targets)
}

func describeRead(w *world, q *command.Read) string {
	s := describeTargets(w, q.Targets)
	if len(q.Spans) > 0 {
		s += fmt.Sprintf("table %d", q.Table)
	}
	return s + describeView(w, &q.View)
}

func describeView(w *world, v *command.View) string {
	s := ""
	if v.Pin.ID != 0 {
		s += fmt.Sprintf(", pin %s/%d", v.Pin.Node, v.Pin.ID)
	}
	if len(v.Include) > 0 {
		s += fmt.Sprintf(", with %v", v.Include)
	}
	if len(v.Outgoing) > 0 {
		s += fmt.Sprintf(", with moves %v", v.Outgoing)
	}
	for _, o := range v.Overlay {
		s += fmt.Sprintf(", own %s", name(w, o.ID))
	}
	if v.Checks != nil {
		s += ", checks " + describePart(w, v.Checks)
	}
	return s
}

func describePart(w *world, p *command.Part) string {
	var parts []string
	for i := range p.Effects {
		e := &p.Effects[i]
		what := [...]string{"check", "put", "delete"}[e.Kind]
		parts = append(parts, fmt.Sprintf("%s %s@%d r%d", what, name(w, e.ID), e.Version, e.Revision))
	}
	for _, r := range p.Ranges {
		parts = append(parts, fmt.Sprintf("range of table %d (%d objects, sum %x, index %d)", r.Table, r.Print.Count, r.Print.Sum, r.Print.Index))
	}
	for _, b := range p.Writes {
		parts = append(parts, describeWrite(w, b))
	}
	return "{" + strings.Join(parts, "; ") + "}"
}

func describe(w *world, body command.Body) string {
	if w.out == nil {
		return ""
	}
	switch b := body.(type) {
	case *command.Write:
		return describeWrite(w, b)
	case *command.Depart:
		return fmt.Sprintf("move %d to p%d: %s", b.Move, b.To, names(w, b.Objects))
	case *command.Arrive:
		s := fmt.Sprintf("move %d:", b.Move)
		for i := range b.Objects {
			s += " " + name(w, b.Objects[i].ID)
		}
		return s
	case *command.Settle:
		if b.Arrived {
			return fmt.Sprint(b.Moves) + " have arrived"
		}
		return fmt.Sprint(b.Moves)
	case *command.RaiseFloor:
		return fmt.Sprint(b.Floor)
	case *command.Prepare:
		s := fmt.Sprintf("%s of %v", b.Transaction, b.Participants)
		if b.Wait {
			s += ", waits"
		}
		if !b.Owner.IsZero() {
			s += ", owner " + b.Owner.String()
		}
		return s + " " + describePart(w, &b.Part)
	case *command.Conclude:
		return fmt.Sprintf("commit %v, abort %v, forget %v", b.Commit, b.Abort, b.Forget)
	case *command.Resolve:
		return b.Transaction.String()
	case *command.Lock:
		return fmt.Sprintf("%s: %s", b.Owner, describeTargets(w, b.Targets))
	case *command.Withdraw:
		return b.Command.String()
	}
	return ""
}

func names(w *world, ids []object.ID) string {
	var parts []string
	for _, id := range ids {
		parts = append(parts, name(w, id))
	}
	return strings.Join(parts, " ")
}

func describeRefusal(w *world, r *command.Refusal) string {
	s := r.Reason.String()
	for _, o := range r.Objects {
		s += fmt.Sprintf(" %s %s", name(w, o.ID), o.Location)
	}
	return s
}

func describeOutcome(w *world, outcome any) string {
	if w.out == nil {
		return ""
	}
	switch o := outcome.(type) {
	case *command.Result:
		switch {
		case o.Refusal != nil:
			return describeRefusal(w, o.Refusal)
		case o.Err != nil:
			return o.Err.Code + " " + o.Err.Message
		}
		return fmt.Sprintf("%d done, absent %v", o.Affected, o.Absent)
	case *command.Departed:
		if o.Refusal != nil {
			return describeRefusal(w, o.Refusal)
		}
		s := ""
		for i := range o.Objects {
			s += fmt.Sprintf(" gone %v r%d", o.Objects[i].Gone, o.Objects[i].Revision)
		}
		return s
	case *command.Vote:
		return describeVote(w, o)
	case *command.Granted:
		if o.Refusal != nil {
			return describeRefusal(w, o.Refusal)
		}
		return fmt.Sprintf("%d granted, absent %v", len(o.Rows), o.Absent)
	case *command.Resolution:
		return o.State.String()
	case *command.Concluded:
		return fmt.Sprintf("rest %v", o.Rest)
	}
	return fmt.Sprintf("%v", outcome)
}

func describeVote(w *world, v *command.Vote) string {
	switch {
	case v.Refusal != nil:
		return describeRefusal(w, v.Refusal)
	case v.Err != nil:
		return v.Err.Code + " " + v.Err.Message
	case v.Conflict != nil:
		return "conflict on " + name(w, v.Conflict.ID)
	}
	s := "yes"
	for _, r := range v.Results {
		s += " (" + describeOutcome(w, r) + ")"
	}
	return s
}

func describeChunk(w *world, c *command.Chunk) string {
	if w.out == nil {
		return ""
	}
	switch {
	case c.Refusal != nil:
		return describeRefusal(w, c.Refusal)
	case c.Err != nil:
		return c.Err.Code + " " + c.Err.Message
	case c.Conflict != nil:
		return "conflict on " + name(w, c.Conflict.ID)
	}
	var parts []string
	for _, row := range c.Rows {
		k, list := w.decodeRow(row)
		parts = append(parts, fmt.Sprintf("x%d = %v", k, list))
	}
	s := strings.Join(parts, ", ")
	if len(c.Absent) > 0 {
		s += fmt.Sprintf(" absent %v", c.Absent)
	}
	if len(c.Revisions) > 0 {
		s += fmt.Sprintf(" revisions %v", c.Revisions)
	}
	return s
}

func describeEvaluation(w *world, e *command.Evaluation) string {
	switch {
	case w.out == nil:
		return ""
	case e.Refusal != nil:
		return describeRefusal(w, e.Refusal)
	case e.Err != nil:
		return e.Err.Code + " " + e.Err.Message
	case e.Conflict != nil:
		return "conflict on " + name(w, e.Conflict.ID)
	}
	return describePart(w, &command.Part{Effects: e.Effects}) + ", " + describeOutcome(w, e.Result)
}

func describeTransactions(list []state.TransactionInfo) string {
	var parts []string
	for i := range list {
		parts = append(parts, fmt.Sprintf("%s is %s since entry %d (waiting %v)", list[i].ID, list[i].State, list[i].Since, list[i].Waiting))
	}
	return strings.Join(parts, ", ")
}

func describeLocks(w *world, list []state.LockInfo) string {
	var parts []string
	for i := range list {
		parts = append(parts, fmt.Sprintf("%s, %s, by %s since entry %d (waiting %v)", name(w, list[i].Object), list[i].Mode, list[i].Transaction, list[i].Since, list[i].Waiting))
	}
	return strings.Join(parts, ", ")
}

package main

import (
	"errors"
	"fmt"
)

// errUnreachable says that a call was not delivered. It had no effect.
var errUnreachable = errors.New("unreachable")

// cut says whether messages from one node to another get lost now.
func (w *world) cut(from, to *node) bool {
	if w.quiet || from == to {
		return false
	}
	for i := range w.plan.Faults {
		f := &w.plan.Faults[i]
		if f.Kind != faultNetsplit || w.now < micros(f.At) || w.now >= micros(f.At+f.For) {
			continue
		}
		if f.A == from.n && (f.B < 0 || f.B == to.n) || !f.OneWay && f.A == to.n && (f.B < 0 || f.B == from.n) {
			return true
		}
	}
	return false
}

// call has another node serve a request, and waits for the answer. serve runs as a task
// of that node and may be run twice; its answer may get lost. Errors: errUnreachable, errTimeout
// (it may have been served, or may be later), or what serve gave.
func call[T any](t *task, from, to *node, what string, limit micros, serve func(s *task) (T, error)) (T, error) {
	w := t.w
	answer := newFuture[T](w)
	deliver := func() {
		if w.cut(from, to) {
			return
		}
		if to.down {
			w.after(between(t.rng, 50, 300), func() {
				var zero T
				answer.resolve(zero, errUnreachable)
			})
			return
		}
		t.calls++
		to.spawn(fmt.Sprintf("serves %s, call %d of %s", what, t.calls, t.name), func(s *task) {
			v, err := serve(s)
			if w.cut(to, from) || from != to && !w.quiet && s.rng.Float64() < w.plan.Loss {
				return
			}
			w.after(w.plan.delay(s.rng, 30, 400), func() { answer.resolve(v, err) })
		})
	}
	if from == to {
		w.after(between(t.rng, 1, 20), deliver)
		return answer.wait(t, limit)
	}
	if !w.quiet && t.rng.Float64() < w.plan.Twice {
		w.after(between(t.rng, 100, 40*millisecond), deliver)
	}
	if w.quiet || t.rng.Float64() >= w.plan.Loss {
		w.after(w.plan.delay(t.rng, 30, 400), deliver)
	}
	return answer.wait(t, limit)
}

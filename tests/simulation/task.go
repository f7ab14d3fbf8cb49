package main

import (
	"errors"
	"iter"
	"math/rand/v2"
	"runtime/debug"
)

// task is code that waits: a coroutine of the world. It runs only when the world
// resumes it, and gives control back when it waits.
type task struct {
	w     *world
	name  string
	home  *node // that it runs on; nil: none
	rng   *rand.Rand
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	turn  uint64 // counts its waits: who wakes it means one of them
	ended bool
	calls int // that it has made
}

// errKilled unwinds a task that was ended from outside.
var errKilled = errors.New("killed")

// spawn starts a task.
func (w *world) spawn(name string, body func(t *task)) *task {
	t := &task{w: w, name: name, rng: w.random(name)}
	t.next, t.stop = iter.Pull(func(yield func(struct{}) bool) {
		t.yield = yield
		defer func() {
			t.ended = true
			if p := recover(); p != nil && p != errKilled {
				w.fail("%s: panic: %v\n%s", name, p, debug.Stack())
			}
		}()
		body(t)
	})
	w.tasks = append(w.tasks, t)
	turn := t.turn
	w.after(0, func() { t.wake(turn) })
	return t
}

// wake resumes the task if it still waits as it did in that turn.
func (t *task) wake(turn uint64) {
	if t.ended || t.turn != turn {
		return
	}
	if left := t.home.stopped(); left > 0 {
		t.w.after(left, func() { t.wake(turn) })
		return
	}
	t.turn++
	t.next()
}

// kill ends the task. It is not called by the task itself.
func (t *task) kill() {
	if !t.ended {
		t.ended = true
		t.turn++
		t.stop()
	}
}

// park gives control back until the task is woken.
func (t *task) park() {
	if !t.yield(struct{}{}) {
		panic(errKilled)
	}
}

// sleep waits.
func (t *task) sleep(d micros) {
	turn := t.turn
	t.w.after(d, func() { t.wake(turn) })
	t.park()
}

// future is an answer to come.
type future[T any] struct {
	w       *world
	done    bool
	value   T
	err     error
	waiters []waiter
}

type waiter struct {
	t    *task
	turn uint64
}

func newFuture[T any](w *world) *future[T] { return &future[T]{w: w} }

// resolve gives the answer; later ones are ignored.
func (f *future[T]) resolve(value T, err error) {
	if f.done {
		return
	}
	f.done, f.value, f.err = true, value, err
	for _, x := range f.waiters {
		f.w.after(0, func() { x.t.wake(x.turn) })
	}
	f.waiters = nil
}

// errTimeout says that an answer did not come in time.
var errTimeout = errors.New("no answer in time")

// wait returns the answer, or errTimeout.
func (f *future[T]) wait(t *task, limit micros) (T, error) {
	if !f.done {
		f.waiters = append(f.waiters, waiter{t, t.turn})
		turn := t.turn
		t.w.after(limit, func() { t.wake(turn) })
		t.park()
	}
	if !f.done {
		var zero T
		return zero, errTimeout
	}
	return f.value, f.err
}

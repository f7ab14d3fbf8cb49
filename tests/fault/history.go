package main

import (
	"bufio"
	"encoding/json"
	"os"
	"sync"
	"time"
)

// history is the file of what happened in a run: one JSON object a line. Times are
// nanoseconds since the run began, on the monotonic clock.
type history struct {
	start time.Time
	file  string

	mu  sync.Mutex // guards what follows
	f   *os.File
	w   *bufio.Writer
	err error
}

// line is one line of the file: an operation of a client, or something that was done
// to the cluster.
type line struct {
	Who     string   `json:"who"`              // the traffic, or what is done beside it
	Client  int      `json:"client,omitempty"` // of the traffic
	Node    string   `json:"node,omitempty"`
	From    int64    `json:"from"`
	To      int64    `json:"to"`
	Do      string   `json:"do"`
	Outcome string   `json:"outcome,omitempty"`
	Got     string   `json:"got,omitempty"` // the answer, or the error
	Steps   []string `json:"steps,omitempty"`
}

func newHistory(file string) (*history, error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	return &history{start: time.Now(), file: file, f: f, w: bufio.NewWriterSize(f, 1<<16)}, nil
}

// now is the time of the run.
func (h *history) now() int64 { return int64(time.Since(h.start)) }

// write adds a line.
func (h *history) write(l line) {
	text, err := json.Marshal(l)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		_, err = h.w.Write(append(text, '\n'))
	}
	if h.err == nil {
		h.err = err
	}
}

// close ends the file, and returns what went wrong with it.
func (h *history) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.w.Flush(); h.err == nil {
		h.err = err
	}
	if err := h.f.Close(); h.err == nil {
		h.err = err
	}
	return h.err
}

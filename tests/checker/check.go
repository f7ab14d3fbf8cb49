package checker

import (
	"cmp"
	"fmt"
	"slices"
)

// Check looks for anomalies in a history.
func Check(h *History, options Options) *Report {
	if options.Limit <= 0 {
		options.Limit = 8
	}
	c := &check{history: h, options: options, report: &Report{}, index: make(map[string]int32)}
	if !c.read() {
		return c.report
	}
	c.observe()
	c.graph.nodes = int32(len(h.Transactions))
	c.graph.transactions = c.graph.nodes
	for k := range c.keys {
		if c.keys[k].lists {
			c.orderList(int32(k))
		} else {
			c.orderValue(int32(k))
		}
	}
	c.lostUpdates()
	if options.Level == StrictSerializable {
		c.realTime()
	}
	for _, v := range c.visible {
		if v {
			c.report.Visible++
		}
	}
	c.report.Edges = len(c.graph.edges)
	c.cycles()
	return c.report
}

// check is one run of the checker.
type check struct {
	history *History
	options Options
	report  *Report

	index map[string]int32 // of keys
	keys  []key
	// visible are the transactions that took effect: those that committed, and those
	// whose outcome is unknown where others have seen them.
	visible []bool
	queue   []int32 // visible, not looked at yet
	graph   graph
}

// key is what is known of one key.
type key struct {
	name    string
	lists   bool
	written map[int64]written // by value
	// longest is the longest list that was read, longestBy who read it.
	longest   []int64
	longestBy int32
	accesses  []access // by visible transactions
}

// written says who wrote a value.
type written struct {
	transaction int32
	seen        bool // somebody has read it
	last        bool // the transaction wrote nothing to the key after it
}

// access is what a visible transaction did to one key.
type access struct {
	transaction int32
	// external says that it read the key before it wrote it; it found the value,
	// or the list of that length.
	external, absent bool
	value            int64
	length           int
	// writes are its own values, in order.
	writes []int64
}

// read numbers the keys and notes who wrote what. It reports whether the history can be
// checked.
func (c *check) read() bool {
	for i := range c.history.Transactions {
		t := &c.history.Transactions[i]
		if t.Outcome != Unknown && t.Complete < t.Invoke {
			c.malformed(i, "it completed before it was invoked")
		}
		for j := range t.Operations {
			if why := c.note(int32(i), &t.Operations[j]); why != "" {
				c.malformed(i, why)
			}
		}
	}
	return c.report.OK()
}

func (c *check) malformed(i int, why string) {
	c.found("malformed", []int{i}, "  "+why+"\n")
}

// note takes one operation in; it says what is wrong with it.
func (c *check) note(i int32, o *Operation) string {
	lists := o.Kind == Append || o.Kind == List
	n, known := c.index[o.Key]
	if !known {
		n = int32(len(c.keys))
		c.index[o.Key] = n
		c.keys = append(c.keys, key{name: o.Key, lists: lists, written: make(map[int64]written), longestBy: -1})
	}
	k := &c.keys[n]
	if o.Kind > Read || lists != k.lists {
		return fmt.Sprintf("%s: the key is used in another way before", o)
	}
	if o.Kind == List || o.Kind == Read {
		return ""
	}
	if w, twice := k.written[o.Value]; twice {
		return fmt.Sprintf("%s: T%d writes the same value", o, w.transaction)
	}
	k.written[o.Value] = written{transaction: i}
	return ""
}

// found reports an anomaly. The transactions are printed before the text.
func (c *check) found(name string, transactions []int, text string) {
	c.anomaly(Anomaly{Name: name, Transactions: transactions, Text: text})
}

func (c *check) anomaly(a Anomaly) {
	c.report.Total++
	if len(c.report.Anomalies) < c.options.Limit {
		a.Text = c.describe(a.Transactions) + a.Text
		c.report.Anomalies = append(c.report.Anomalies, a)
	}
}

func (c *check) describe(transactions []int) string {
	text := ""
	for _, i := range transactions {
		text += fmt.Sprintf("  T%d: %s\n", i, &c.history.Transactions[i])
	}
	return text
}

// observe finds out which transactions took effect, and what they have seen.
func (c *check) observe() {
	c.visible = make([]bool, len(c.history.Transactions))
	for i := range c.history.Transactions {
		if c.history.Transactions[i].Outcome == Committed {
			c.visible[i] = true
			c.queue = append(c.queue, int32(i))
		}
	}
	for n := 0; n < len(c.queue); n++ {
		c.summarise(c.queue[n])
	}
}

// summarise looks at the operations of a transaction, key by key.
func (c *check) summarise(i int32) {
	operations := c.history.Transactions[i].Operations
	keys := make([]int32, len(operations))
	order := make([]int, len(operations))
	for j := range operations {
		keys[j], order[j] = c.index[operations[j].Key], j
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(keys[a], keys[b]), cmp.Compare(a, b))
	})
	for from := 0; from < len(order); {
		k, to := keys[order[from]], from+1
		for to < len(order) && keys[order[to]] == k {
			to++
		}
		a := access{transaction: i}
		if c.keys[k].lists {
			c.accessList(k, &a, operations, order[from:to])
		} else {
			c.accessValue(k, &a, operations, order[from:to])
		}
		for n, v := range a.writes {
			w := c.keys[k].written[v]
			w.last = n == len(a.writes)-1
			c.keys[k].written[v] = w
		}
		c.keys[k].accesses = append(c.keys[k].accesses, a)
		from = to
	}
}

// see notes that a transaction has read a value.
func (c *check) see(reader, k int32, value int64) {
	w, found := c.keys[k].written[value]
	if !found {
		c.found("unwritten value", []int{int(reader)},
			fmt.Sprintf("  T%d read %d in %s, which nobody has written\n", reader, value, c.keys[k].name))
		return
	}
	if w.seen {
		return
	}
	w.seen = true
	c.keys[k].written[value] = w
	switch c.history.Transactions[w.transaction].Outcome {
	case Failed:
		c.found("G1a", []int{int(reader), int(w.transaction)},
			fmt.Sprintf("  T%d read %d in %s, which T%d wrote, and T%d failed\n", reader, value, c.keys[k].name, w.transaction, w.transaction))
	case Unknown:
		if !c.visible[w.transaction] {
			c.visible[w.transaction] = true
			c.queue = append(c.queue, w.transaction)
		}
	}
}

// node returns the transaction that wrote a value of a key, if it is in the graph.
func (c *check) node(k int32, value int64) (node int32, last, found bool) {
	w, found := c.keys[k].written[value]
	return w.transaction, w.last, found && c.visible[w.transaction]
}

// intermediate reports a read of a value that its writer overwrote.
func (c *check) intermediate(reader, writer, k int32, value int64) {
	c.found("G1b", []int{int(reader), int(writer)},
		fmt.Sprintf("  T%d read %s as it was in the middle of T%d, with its %d and not what it wrote later\n", reader, c.keys[k].name, writer, value))
}

// lostUpdates finds transactions that have written a key after they read the same
// version of it.
func (c *check) lostUpdates() {
	type version struct {
		value  int64
		length int
		absent bool
	}
	for k := range c.keys {
		first := make(map[version]int32)
		for i := range c.keys[k].accesses {
			a := &c.keys[k].accesses[i]
			if !a.external || len(a.writes) == 0 {
				continue
			}
			v := version{a.value, a.length, a.absent}
			if other, twice := first[v]; twice {
				c.found("lost update", []int{int(other), int(a.transaction)},
					fmt.Sprintf("  T%d and T%d have read the same version of %s, and both have changed it\n", other, a.transaction, c.keys[k].name))
				continue
			}
			first[v] = a.transaction
		}
	}
}

package simulate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is what became of a workload under two choices of policies.
type Report struct {
	Traces   []string      `json:"traces"`
	Tables   []string      `json:"tables"` // that the candidate places
	Commands int64         `json:"commands"`
	Duration time.Duration `json:"-"`                // from the first to the last
	Dropped  int64         `json:"commands_dropped"` // that were not recorded
	LeftOut  int64         `json:"touches_left_out"` // of commands that were recorded
	// Outcomes are those of the candidate, and of what it is compared with.
	Outcomes [2]Outcome `json:"outcomes"`
	// Elsewhere counts objects that live in different partitions at the end: what MOVE
	// ... TO POLICY would move.
	Elsewhere int64    `json:"objects_elsewhere"`
	Notes     []string `json:"notes,omitempty"`
}

// Outcome is what became of the workload under one choice.
type Outcome struct {
	Policy string `json:"policy"` // names and versions
	// Single counts commands that touched one partition, Share is their share; Touched is
	// the mean of the partitions that a command touched.
	Single  int64   `json:"commands_one_partition"`
	Share   float64 `json:"share_one_partition"`
	Touched float64 `json:"partitions_of_a_command"`
	// Busiest is what the partition with the most commands has to do, by the mean.
	Busiest float64 `json:"busiest_partition"`
	Created int64   `json:"objects_created"` // in the trace
	Met     int64   `json:"objects_before"`  // objects that were there before it
	// FallBacks counts objects that were created and that the policy did not place, or
	// not where they may live.
	FallBacks int64 `json:"fall_backs"`
	// Replaced counts objects that Replace was asked about, Moves those that it moved.
	Replaced int64 `json:"replace_asked"`
	Moves    int64 `json:"replace_moved"`
	// Calls are those of programs, by Place and Replace.
	Calls       int64   `json:"calls"`
	FailedCalls int64   `json:"calls_failed"`
	Mean        Latency `json:"mean_latency"`
	Slowest     Latency `json:"max_latency"`
	Failure     string  `json:"failure,omitempty"` // the first
	Partitions  []Load  `json:"partitions"`
}

// Load is what one partition has to do.
type Load struct {
	ID       uint32 `json:"partition"`
	Commands int64  `json:"commands"`
	Objects  int64  `json:"objects"` // at the end
	Bytes    int64  `json:"bytes"`   // about
}

// Latency is a time, in milliseconds as JSON.
type Latency time.Duration

// MarshalJSON writes milliseconds.
func (l Latency) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(l) / float64(time.Millisecond))
}

// WriteJSON writes the report for programs.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		*Report
		Seconds float64 `json:"seconds"`
	}{r, r.Duration.Seconds()})
}

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// note adds a text once.
func (r *Report) note(list *[]string, text string) {
	if !slices.Contains(*list, text) {
		*list = append(*list, text)
	}
}

// labelWidth is how wide the first column of the report is, in characters.
const labelWidth = 38

// Print writes the report for people.
func (r *Report) Print(w io.Writer) {
	a, b := &r.Outcomes[0], &r.Outcomes[1]
	fmt.Fprintf(w, "%s in %s, %d partitions; %s: %s\n", plural(r.Commands, "command"), r.Duration.Round(time.Millisecond), len(a.Partitions),
		plural(int64(len(r.Tables)), "table"), strings.Join(r.Tables, ", "))
	if r.Dropped+r.LeftOut > 0 {
		fmt.Fprintf(w, "not in the trace: %d commands, and %d touches of others\n", r.Dropped, r.LeftOut)
	}
	for _, note := range r.Notes {
		fmt.Fprintln(w, "note:", note)
	}
	fmt.Fprintln(w)
	width := max(len(a.Policy), len(b.Policy), 8) + 3
	row := func(what string, cell func(*Outcome) string) {
		if one, other := cell(a), cell(b); one != "" || other != "" {
			fmt.Fprintf(w, "%-*s%*s%*s\n", labelWidth, what, width, cmp.Or(one, "-"), width, cmp.Or(other, "-"))
		}
	}
	count := func(what string, n func(*Outcome) int64) {
		row(what, func(o *Outcome) string {
			if n(o) == 0 {
				return ""
			}
			return fmt.Sprint(n(o))
		})
	}
	row("", func(o *Outcome) string { return o.Policy })
	row("commands in one partition", func(o *Outcome) string { return percent(o.Share) })
	row("partitions of a command, mean", func(o *Outcome) string { return fmt.Sprintf("%.2f", o.Touched) })
	row("busiest partition, of its fair share", func(o *Outcome) string { return percent(o.Busiest) })
	count("objects created", func(o *Outcome) int64 { return o.Created })
	count("  of them by the fall-back", func(o *Outcome) int64 { return o.FallBacks })
	count("objects that were there before", func(o *Outcome) int64 { return o.Met })
	count("Replace asked about objects", func(o *Outcome) int64 { return o.Replaced })
	count("  of them moved", func(o *Outcome) int64 { return o.Moves })
	count("calls of a program", func(o *Outcome) int64 { return o.Calls })
	count("  of them failed", func(o *Outcome) int64 { return o.FailedCalls })
	row("  time of one, mean", func(o *Outcome) string { return o.time(o.Mean) })
	row("  time of the slowest", func(o *Outcome) string { return o.time(o.Slowest) })

	for _, o := range r.Outcomes {
		fmt.Fprintf(w, "\n%s\n", o.Policy)
		t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "partition\tcommands\tobjects\tbytes\t")
		for _, p := range o.Partitions {
			fmt.Fprintf(t, "%d\t%d\t%d\t%d\t\n", p.ID, p.Commands, p.Objects, p.Bytes)
		}
		_ = t.Flush()
		if o.Failure != "" {
			fmt.Fprintln(w, "first failure:", o.Failure)
		}
	}
	fmt.Fprintf(w, "\n%d objects live elsewhere under %s than under %s\n", r.Elsewhere, a.Policy, b.Policy)
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// time writes the time of calls, where there were some.
func (o *Outcome) time(l Latency) string {
	if o.Calls == 0 {
		return ""
	}
	return time.Duration(l).Round(time.Microsecond).String()
}

package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

func main() {
	var (
		seed      = flag.Uint64("seed", 1, "the first seed")
		schedules = flag.Int("schedules", 1000, "how many seeds, from the first on; 0: as many as fit in the duration")
		duration  = flag.Duration("duration", 0, "for how long at most; 0: no bound")
		parallel  = flag.Int("parallel", runtime.GOMAXPROCS(0), "how many runs at a time")
		file      = flag.String("plan", "", "run the plan in this file, and no seeds")
		save      = flag.String("save", "", "write the minimised plan of a failure to this folder")
		verbose   = flag.Bool("v", false, "print the plan and the trace of each run, one at a time")
		most      = flag.Int("failures", 1, "stop after so many failures")
	)
	flag.Parse()
	if *schedules == 0 && *duration == 0 {
		*duration = time.Minute
	}
	s := &search{
		first: *seed, count: *schedules, most: *most,
		report: func(p *plan, err error) { explain(p, err, *save) },
	}
	if *duration > 0 {
		s.until = time.Now().Add(*duration)
	}
	switch {
	case *file != "":
		p, err := readPlan(*file)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		fmt.Print(p)
		stores := &stores{}
		o := stores.simulate(p, os.Stdout)
		stores.close()
		end(o.err)
	case *verbose:
		stores := &stores{}
		for i := range max(1, *schedules) {
			p := newPlan(*seed + uint64(i))
			fmt.Print(p)
			o := stores.simulate(p, os.Stdout)
			fmt.Println(o.counts)
			if o.err != nil {
				end(o.err)
			}
		}
		stores.close()
	default:
		started := time.Now()
		s.run(*parallel)
		fmt.Printf("%d schedules, %d failed, %.0f a minute\n", s.done, s.failed, float64(s.done)/time.Since(started).Minutes())
		for _, k := range sortedKeys(s.counts) {
			fmt.Printf("  %-50s %d\n", k, s.counts[k])
		}
		if s.failed > 0 {
			os.Exit(1)
		}
	}
}

func end(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// explain minimises a failure and tells it.
func explain(p *plan, err error, save string) {
	fmt.Printf("seed %d fails: %v\n", p.Seed, err)
	stores := &stores{}
	defer stores.close()
	small := minimise(p, func(q *plan) bool { return stores.simulate(q, nil).err != nil })
	fmt.Printf("\nThe smallest plan that still fails:\n%s\n", small)
	o := stores.simulate(small, os.Stdout)
	fmt.Printf("%v\n\ngo run ./tests/simulation -v -schedules 1 -seed %d\n\n", o.err, p.Seed)
	if save == "" {
		return
	}
	name := filepath.Join(save, fmt.Sprintf("seed-%d.json", p.Seed))
	if err := writePlan(name, small); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println(name)
}

func readPlan(name string) (*plan, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	p := new(plan)
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, p.check()
}

func writePlan(name string, p *plan) error {
	text, err := json.MarshalIndent(p, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}

package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ssmr/ssmr/tests/harness"
)

func main() {
	cfg, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		if err != flag.ErrHelp {
			fmt.Fprintln(os.Stderr, "fault:", err)
		}
		os.Exit(exitInconclusive)
	}
	program := harness.NewProgram("fault")
	verdict, err := start(cfg, program, func(format string, args ...any) { fmt.Printf(format+"\n", args...) })
	if err != nil {
		program.Fatal(err)
	}
	verdict.print(os.Stdout)
	if verdict.code() != exitFine {
		fmt.Printf("seed %d; history: %s\n", cfg.seed, cfg.history)
		if cfg.keep {
			program.Keep()
		}
	}
	program.Finish()
	os.Exit(verdict.code())
}

// parse makes a configuration of arguments.
func parse(args []string, w io.Writer) (config, error) {
	var cfg config
	var traffic, chosen string
	flags := flag.NewFlagSet("fault", flag.ContinueOnError)
	flags.SetOutput(w)
	flags.StringVar(&traffic, "traffic", "all", "kinds of traffic, separated by commas, or all")
	flags.StringVar(&chosen, "failure", "kill,pause,netsplit", "kinds of failure, separated by commas, or all, or none")
	flags.DurationVar(&cfg.duration, "duration", time.Minute, "how long it runs, without start and check")
	flags.Uint64Var(&cfg.seed, "seed", 0, "seed of all random choices; 0 draws one")
	flags.IntVar(&cfg.nodes, "nodes", 3, "nodes of the cluster")
	flags.IntVar(&cfg.groups, "groups", 0, "Raft groups that the four partitions share, 1 to 4; 0: 1 with odd seeds, 4 with even ones")
	flags.IntVar(&cfg.clients, "clients", 4, "clients of each traffic")
	flags.StringVar(&cfg.program, "server", "", "an ssmr-server that was built with -tags fault; empty: it is built")
	flags.StringVar(&cfg.tags, "tags", "", "build tags beside fault")
	flags.StringVar(&cfg.plant, "plant", "", "a bug to be planted: "+plantNames())
	flags.StringVar(&cfg.history, "history", "", "file of the history; empty: one in the folder for temporary files")
	flags.BoolVar(&cfg.keep, "keep", false, "keep data folders and logs of the nodes after a violation")
	with := make(map[string]*bool)
	for _, b := range besides {
		with[b.name] = flags.Bool(b.name, false, "beside: "+b.help)
	}
	flags.Usage = func() { usage(flags) }
	if err := flags.Parse(args); err != nil {
		return cfg, err
	}
	if flags.NArg() > 0 {
		return cfg, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if cfg.nodes < 1 || cfg.clients < 1 || cfg.duration <= 0 {
		return cfg, fmt.Errorf("-nodes, -clients and -duration must be positive")
	}
	for _, b := range besides {
		if *with[b.name] {
			cfg.besides = append(cfg.besides, b)
		}
	}
	if cfg.seed == 0 {
		cfg.seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	switch {
	case cfg.groups < 0 || cfg.groups > 4:
		return cfg, fmt.Errorf("-groups must be from 0 to 4")
	case cfg.groups > 0:
	case cfg.plant != "" || cfg.seed%2 == 0: // where they share one, some bugs cannot be made
		cfg.groups = 4
	default:
		cfg.groups = 1
	}
	if cfg.plant != "" && cfg.program == "" {
		cfg.tags = strings.Trim(cfg.tags+",planted", ",")
	}
	if cfg.history == "" {
		cfg.history = filepath.Join(os.TempDir(), fmt.Sprintf("ssmr-fault-%d-%d.jsonl", cfg.seed, os.Getpid()))
	}
	return cfg, cfg.choose(traffic, chosen)
}

// choose finds traffic and failures by their names.
func (cfg *config) choose(traffic, chosen string) error {
	if traffic == "all" {
		cfg.traffic = kinds
	} else {
		for name := range strings.SplitSeq(traffic, ",") {
			k, ok := kindNamed(name)
			if !ok {
				return fmt.Errorf("there is no traffic %q", name)
			}
			cfg.traffic = append(cfg.traffic, k)
		}
	}
	switch chosen {
	case "none":
		return nil
	case "all":
		cfg.failures = slices.DeleteFunc(slices.Clone(failures), func(f failure) bool { return f.several && cfg.nodes < 2 })
		return nil
	}
	for name := range strings.SplitSeq(chosen, ",") {
		f, ok := failureNamed(name)
		if !ok {
			return fmt.Errorf("there is no failure %q", name)
		}
		cfg.failures = append(cfg.failures, f)
	}
	return nil
}

func plantNames() string {
	var names []string
	for _, p := range plants {
		names = append(names, string(p.bug))
	}
	return strings.Join(names, ", ")
}

func usage(flags *flag.FlagSet) {
	w := flags.Output()
	fmt.Fprintln(w, "fault runs traffic against a cluster of ssmr-server processes while things fail, and checks what the clients saw.")
	flags.PrintDefaults()
	fmt.Fprintln(w, "\ntraffic:")
	for _, k := range kinds {
		fmt.Fprintf(w, "  %-11s %s\n", k.name, k.help)
	}
	fmt.Fprintln(w, "\nfailures:")
	for _, f := range failures {
		fmt.Fprintf(w, "  %-11s %s\n", f.name, f.help)
	}
}

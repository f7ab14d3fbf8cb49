package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"github.com/ssmr/ssmr/plugins/scaffold"
	"github.com/ssmr/ssmr/plugins/simulate"
	"github.com/ssmr/ssmr/plugins/verify"
)

const pluginUsage = `ssmr-server plugin: tools for authors of placement policies.

  ssmr-server plugin init [flags] <folder>      write a new policy, which builds and is tested
  ssmr-server plugin verify [flags] <program>   try a policy's program out
  ssmr-server plugin simulate --trace <file> [flags] <program or built-in policy>
                                                replay a recorded workload under it

Each tells its flags with --help.
`

// runPlugin runs a command about plugins; it returns the exit code.
func runPlugin(args []string, stdout, stderr io.Writer) int {
	command := ""
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	switch command {
	case "init":
		return initPlugin(args, stdout, stderr)
	case "verify":
		return verifyPlugin(args, stdout, stderr)
	case "simulate":
		return simulatePlugin(args, stdout, stderr)
	case "", "help", "-h", "--help":
		fmt.Fprint(stdout, pluginUsage)
		return 0
	}
	fmt.Fprintf(stderr, "ssmr-server: unknown command \"plugin %s\"; see ssmr-server plugin help\n", command)
	return 2
}

// pairs is a flag that may be given several times: name=value.
type pairs map[string]string

func (p pairs) String() string { return "" }

// Set adds a pair.
func (p pairs) Set(s string) error {
	name, value, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return fmt.Errorf("%q is not name=value", s)
	}
	p[name] = value
	return nil
}

// list is a flag that may be given several times.
type list []string

func (l *list) String() string { return "" }

// Set adds a value.
func (l *list) Set(s string) error {
	*l = append(*l, s)
	return nil
}

// labels is a flag that may be given several times: partition:name=value.
type labels map[uint32]map[string]string

func (l labels) String() string { return "" }

// Set adds labels of a partition.
func (l labels) Set(s string) error {
	number, pair, _ := strings.Cut(s, ":")
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return fmt.Errorf("%q is not partition:name=value", s)
	}
	if l[uint32(n)] == nil {
		l[uint32(n)] = pairs{}
	}
	return pairs(l[uint32(n)]).Set(pair)
}

// parseAround parses flags that stand before and behind one argument, what. The exit code
// is negative where there is none yet.
func parseAround(flags *flag.FlagSet, args []string, what string) (argument string, exit int) {
	for first := true; ; first = false {
		switch err := flags.Parse(args); {
		case errors.Is(err, flag.ErrHelp):
			return "", 0
		case err != nil:
			return "", 2
		}
		if flags.NArg() == 0 && argument != "" {
			return argument, -1
		}
		if !first || flags.NArg() == 0 {
			fmt.Fprintf(flags.Output(), "%s wants one argument, %s\n", flags.Name(), what)
			return "", 2
		}
		argument, args = flags.Arg(0), flags.Args()[1:]
	}
}

func newFlags(name, synopsis string, stderr io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet("ssmr-server plugin "+name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "ssmr-server plugin %s [flags] %s\n", name, synopsis)
		flags.PrintDefaults()
	}
	return flags
}

// failed prints an error; it returns the exit code.
func failed(stderr io.Writer, err error) int {
	fmt.Fprintln(stderr, "ssmr-server:", err)
	return 1
}

func initPlugin(args []string, stdout, stderr io.Writer) int {
	var cfg scaffold.Config
	flags := newFlags("init", "<folder>", stderr)
	flags.StringVar(&cfg.Name, "name", "", "the policy's `name`; default: the folder's")
	flags.StringVar(&cfg.Module, "module", "", "the `path` of its Go module; default: example.com/<name>-policy")
	checkout := flags.String("ssmr", "", "a `folder` with the source of ssmr; default: what this program was built from")
	var exit int
	if cfg.Dir, exit = parseAround(flags, args, "the folder of the new policy"); exit >= 0 {
		return exit
	}
	if *checkout != "" {
		var err error
		if cfg.Source, err = scaffold.Checkout(*checkout); err != nil {
			return failed(stderr, err)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	result, err := scaffold.Write(ctx, cfg)
	if err != nil {
		return failed(stderr, err)
	}
	source := "version " + result.Source.Version
	if result.Source.Checkout != "" {
		source = "the source in " + result.Source.Checkout
	}
	fmt.Fprintf(stdout, `policy %s, in %s: %s
it uses %s of ssmr

  cd %s
  go test ./...
  go build -o %s .
  ssmr-server plugin verify ./%[6]s
`, result.Name, cfg.Dir, strings.Join(result.Files, ", "), source, cfg.Dir, result.Program)
	return 0
}

func verifyPlugin(args []string, stdout, stderr io.Writer) int {
	cfg := verify.Config{Options: pairs{}, TableOptions: pairs{}}
	flags := newFlags("verify", "<program>", stderr)
	flags.Var(pairs(cfg.Options), "option", "an option of the policy, `name=value`; may be repeated")
	flags.Var(pairs(cfg.TableOptions), "table-option", "an option of the table's placement, `name=value`; may be repeated")
	flags.DurationVar(&cfg.Deadline, "deadline", 50*time.Millisecond, "what a call may take")
	flags.BoolVar(&cfg.PlainText, "plain-text", false, "the policy does without mutual TLS")
	flags.Var((*list)(&cfg.Env), "env", "the `name` of a variable of the environment that the policy gets; may be repeated")
	columns := flags.String("columns", "", "the `columns` of the table that it is asked about, as in \"id bigint, tenant text\"")
	key := flags.String("key", "", "the `columns` of that table's key; default: the first")
	verbose := flags.Bool("v", false, "show what the policy logs")
	var exit int
	if cfg.Program, exit = parseAround(flags, args, "the path of a program"); exit >= 0 {
		return exit
	}
	if *columns != "" {
		var err error
		if cfg.Table, err = verify.ParseTable(*columns, *key); err != nil {
			return failed(stderr, err)
		}
	}
	if *verbose {
		cfg.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := verify.Run(ctx, cfg)
	if err != nil {
		return failed(stderr, err)
	}
	report.Print(stdout)
	if !report.OK() {
		return 1
	}
	return 0
}

func simulatePlugin(args []string, stdout, stderr io.Writer) int {
	cfg := simulate.Config{Labels: labels{}, Candidate: simulate.Choice{Options: pairs{}, TableOptions: pairs{}}}
	against := simulate.Choice{Options: pairs{}, TableOptions: pairs{}}
	flags := newFlags("simulate", "<program or built-in policy>", stderr)
	flags.Var((*list)(&cfg.Traces), "trace", "a `file` that a server has recorded (trace.file); may be repeated, for those of several nodes")
	flags.IntVar(&cfg.Partitions, "partitions", 0, "the `number` of partitions; default: as recorded")
	flags.Var(labels(cfg.Labels), "label", "a label of a partition beside those recorded, `partition:name=value`; may be repeated")
	flags.Var((*list)(&cfg.Tables), "table", "the `name` of a table that the policies place; may be repeated; default: all that they accept")
	flags.Var(pairs(cfg.Candidate.Options), "option", "an option of the policy, `name=value`; may be repeated")
	flags.Var(pairs(cfg.Candidate.TableOptions), "table-option", "an option of the tables' placement, `name=value`; may be repeated")
	flags.StringVar(&against.Policy, "against", "", "the `policy` to compare with, a program or a built-in one; default: as recorded")
	flags.Var(pairs(against.Options), "against-option", "an option of that policy, `name=value`; may be repeated")
	flags.Var(pairs(against.TableOptions), "against-table-option", "an option of the tables' placement by that policy, `name=value`; may be repeated")
	flags.DurationVar(&cfg.Deadline, "deadline", 50*time.Millisecond, "what a call may take")
	flags.BoolVar(&cfg.Candidate.PlainText, "plain-text", false, "the policies do without mutual TLS")
	flags.Var((*list)(&cfg.Env), "env", "the `name` of a variable of the environment that the policies get; may be repeated")
	asJSON := flags.Bool("json", false, "print the report as JSON")
	verbose := flags.Bool("v", false, "show what the policies log")
	var exit int
	if cfg.Candidate.Policy, exit = parseAround(flags, args, "the path of a program, or the name of a built-in policy"); exit >= 0 {
		return exit
	}
	if len(cfg.Traces) == 0 {
		fmt.Fprintln(stderr, "ssmr-server plugin simulate wants a --trace")
		return 2
	}
	if against.PlainText = cfg.Candidate.PlainText; against.Policy != "" {
		cfg.Against = &against
	}
	if *verbose {
		cfg.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := simulate.Run(ctx, cfg)
	if err != nil {
		return failed(stderr, err)
	}
	if *asJSON {
		if err := report.WriteJSON(stdout); err != nil {
			return failed(stderr, err)
		}
		return 0
	}
	report.Print(stdout)
	return 0
}

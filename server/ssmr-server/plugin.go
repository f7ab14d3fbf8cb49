package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/ssmr/ssmr/plugins/verify"
)

const pluginUsage = `ssmr-server plugin: tools for authors of placement policies.

  ssmr-server plugin verify [flags] <program>   try a policy's program out
`

// runPlugin runs a command about plugins; it returns the exit code.
func runPlugin(args []string, stdout, stderr io.Writer) int {
	command := ""
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	switch command {
	case "verify":
		return verifyPlugin(args, stdout, stderr)
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

func verifyPlugin(args []string, stdout, stderr io.Writer) int {
	cfg := verify.Config{Options: pairs{}, TableOptions: pairs{}}
	flags := flag.NewFlagSet("ssmr-server plugin verify", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Var(pairs(cfg.Options), "option", "an option of the policy, name=value; may be repeated")
	flags.Var(pairs(cfg.TableOptions), "table-option", "an option of the table's placement, name=value; may be repeated")
	flags.DurationVar(&cfg.Deadline, "deadline", 50*time.Millisecond, "what a call may take")
	flags.BoolVar(&cfg.PlainText, "plain-text", false, "the policy does without mutual TLS")
	verbose := flags.Bool("v", false, "show what the policy logs")
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return 0
		}
		return 2
	}
	// Flags may follow the program, too.
	if cfg.Program = flags.Arg(0); flags.NArg() > 1 {
		if err := flags.Parse(flags.Args()[1:]); err != nil {
			return 2
		}
	}
	if cfg.Program == "" || cfg.Program != flags.Arg(0) && flags.NArg() > 0 {
		fmt.Fprintln(stderr, "ssmr-server: plugin verify wants the path of one program")
		return 2
	}
	if *verbose {
		cfg.Logger = slog.New(slog.NewTextHandler(stderr, nil))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := verify.Run(ctx, cfg)
	if err != nil {
		fmt.Fprintln(stderr, "ssmr-server:", err)
		return 1
	}
	report.Print(stdout)
	if !report.OK() {
		return 1
	}
	return 0
}

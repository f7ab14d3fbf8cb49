// Command ssmr-server runs an ssmr node.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ssmr/ssmr/configs"
	"github.com/ssmr/ssmr/server"
)

const usage = `ssmr-server runs a node of ssmr, an object database that speaks the PostgreSQL protocol.

  ssmr-server [flags]           run; without flags: one node, four partitions, data in ./ssmr-data
  ssmr-server config [flags]    print the effective configuration as YAML
  ssmr-server version           print the version
  ssmr-server plugin            tools for authors of placement policies

Each flag is also an environment variable (--data-dir is SSMR_DATA_DIR) and a key
of the YAML file that --config names (limits: {connections: ...} is
--limits-connections). Flags go before the environment, and that before the file.

`

func main() { os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr)) }

// run is main with its surroundings handed in; it returns the exit code.
func run(args, environ []string, stdout, stderr io.Writer) int {
	command := ""
	if len(args) > 0 && len(args[0]) > 0 && args[0][0] != '-' {
		command, args = args[0], args[1:]
	}
	switch command {
	case "version":
		fmt.Fprintln(stdout, "ssmr-server", server.Version())
		return 0
	case "help":
		printUsage(stdout)
		return 0
	case "plugin":
		return runPlugin(args, stdout, stderr)
	case "", "config":
	default:
		fmt.Fprintf(stderr, "ssmr-server: unknown command %q; see ssmr-server help\n", command)
		return 2
	}
	cfg, err := configs.Load(args, environ)
	switch {
	case errors.Is(err, configs.ErrHelp):
		printUsage(stdout)
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "ssmr-server:", err)
		return 2
	case command == "config":
		if err := cfg.Write(stdout); err != nil {
			fmt.Fprintln(stderr, "ssmr-server:", err)
			return 1
		}
		return 0
	}
	if err := serve(cfg, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "ssmr-server:", err)
		return 1
	}
	return 0
}

func printUsage(w io.Writer) {
	fmt.Fprint(w, usage)
	configs.Usage(w)
}

// serve runs a node until SIGTERM or SIGINT, or until the node fails. A second
// signal ends the process at once.
func serve(cfg *configs.Config, stdout, stderr io.Writer) error {
	log := server.NewLogger(stderr, cfg.Log)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)

	starting, cancel := context.WithCancel(context.Background())
	defer cancel()
	interrupted := make(chan struct{})
	ready := make(chan struct{})
	go func() {
		select {
		case <-signals:
			close(interrupted)
			cancel()
		case <-ready:
		}
	}()
	node, err := server.Start(starting, server.Config{Config: *cfg, Logger: log})
	close(ready)
	if err != nil {
		select {
		case <-interrupted:
			return nil
		default:
			return err
		}
	}
	if cfg.Log.Format == "text" {
		fmt.Fprint(stdout, node.Greeting())
	} else {
		node.LogGreeting()
	}
	select {
	case s := <-signals:
		log.Info("stopping", "signal", s.String(), "grace", cfg.Timing.Drain.String())
	case <-interrupted:
		log.Info("stopping", "grace", cfg.Timing.Drain.String())
	case err := <-node.Failed():
		shutdown(node, time.Second, log)
		return err
	}
	go func() {
		<-signals
		os.Exit(1)
	}()
	shutdown(node, cfg.Timing.Drain, log)
	return nil
}

func shutdown(node *server.Node, grace time.Duration, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := node.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		log.Warn("stopping met an error", "error", err)
	}
	log.Info("stopped")
}

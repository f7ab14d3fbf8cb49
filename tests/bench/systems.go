package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// system is a database under test.
type system struct {
	name, host, user, database string
	protocol                   string // as pgbench -M has it
}

func (s system) dsn() string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", s.user, s.host, s.database)
}

// result is what one run of pgbench measured.
type result struct {
	tps     float64 // transactions a second, without the time to connect
	latency float64 // mean, milliseconds
	retries float64 // of a transaction, mean: serialization failures
}

var (
	tpsLine     = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)
	latencyLine = regexp.MustCompile(`latency average = ([0-9.]+) ms`)
	retriesLine = regexp.MustCompile(`total number of retries: ([0-9]+)`)
	doneLine    = regexp.MustCompile(`number of transactions actually processed: ([0-9]+)`)
	failedLine  = regexp.MustCompile(`number of failed transactions: ([0-9]+)`)
)

// pgbench runs one script for a while.
func pgbench(r *reporter, s system, sc script, clients int, length time.Duration) (result, error) {
	file := filepath.Join(r.TempDir(), sc.name+".sql")
	if err := os.WriteFile(file, []byte(sc.text), 0o644); err != nil {
		return result{}, err
	}
	host, port, err := net.SplitHostPort(s.host)
	if err != nil {
		return result{}, err
	}
	seconds := max(1, int(length.Seconds()))
	protocol := s.protocol
	if sc.simple {
		protocol = "simple"
	}
	cmd := exec.Command("pgbench", "-n", "-M", protocol, "-f", file, "-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(clients, 2)),
		"-T", strconv.Itoa(seconds), "--max-tries", "1000", "-h", host, "-p", port, "-U", s.user, s.database)
	cmd.Env = append(os.Environ(), "PGSSLMODE=disable", "PGGSSENCMODE=disable")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return result{}, fmt.Errorf("pgbench: %w\n%s", err, out)
	}
	if m := failedLine.FindSubmatch(out); m != nil && string(m[1]) != "0" {
		return result{}, fmt.Errorf("pgbench: %s transactions failed", m[1])
	}
	tps, latency := tpsLine.FindSubmatch(out), latencyLine.FindSubmatch(out)
	if tps == nil || latency == nil {
		return result{}, fmt.Errorf("pgbench printed no figures:\n%s", out)
	}
	var res result
	res.tps, _ = strconv.ParseFloat(string(tps[1]), 64)
	res.latency, _ = strconv.ParseFloat(string(latency[1]), 64)
	if retries, done := retriesLine.FindSubmatch(out), doneLine.FindSubmatch(out); retries != nil && done != nil {
		n, _ := strconv.ParseFloat(string(retries[1]), 64)
		of, _ := strconv.ParseFloat(string(done[1]), 64)
		res.retries = n / max(of, 1)
	}
	return res, nil
}

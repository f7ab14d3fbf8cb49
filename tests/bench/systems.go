package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ssmr/ssmr/tests/harness"
)

// system is a database under test.
type system struct {
	name, host, user, database string
}

func (s system) dsn() string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", s.user, s.host, s.database)
}

// result is what one run of pgbench measured.
type result struct {
	tps     float64 // transactions a second, without the time to connect
	latency float64 // mean, milliseconds
}

var (
	tpsLine     = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)
	latencyLine = regexp.MustCompile(`latency average = ([0-9.]+) ms`)
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
	cmd := exec.Command("pgbench", "-n", "-M", "prepared", "-f", file, "-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(clients, 2)),
		"-T", strconv.Itoa(seconds), "-h", host, "-p", port, "-U", s.user, s.database)
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
	return res, nil
}

// startPostgres starts a primary whose commits wait for one of its standbys.
func startPostgres(r *reporter, servers int) system {
	bin := postgresBin(r)
	ports := harness.FreePorts(r, servers)
	dir := r.TempDir()
	p := &postgres{r: r, bin: bin, credential: unprivileged(r, dir)}
	_, primary, _ := net.SplitHostPort(ports[0])
	data := filepath.Join(dir, "primary")
	p.run("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
	var names []string
	for i := 1; i < servers; i++ {
		names = append(names, fmt.Sprintf("s%d", i))
	}
	conf := fmt.Sprintf("port = %s\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\nmax_connections = 500\nshared_buffers = '512MB'\nmax_wal_size = '4GB'\n",
		primary, dir)
	appendFile(r, filepath.Join(data, "postgresql.conf"), conf)
	p.start(data)
	for i, name := range names {
		_, port, _ := net.SplitHostPort(ports[i+1])
		standby := filepath.Join(dir, name)
		p.run("pg_basebackup", "-D", standby, "-h", "127.0.0.1", "-p", primary, "-U", "postgres", "-R", "--no-sync", "-c", "fast")
		appendFile(r, filepath.Join(standby, "postgresql.conf"), "port = "+port+"\n")
		appendFile(r, filepath.Join(standby, "postgresql.auto.conf"),
			fmt.Sprintf("primary_conninfo = 'host=127.0.0.1 port=%s user=postgres application_name=%s'\n", primary, name))
		p.start(standby)
	}
	if len(names) > 0 {
		sync := fmt.Sprintf("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (%s)'", strings.Join(names, ", "))
		p.run("psql", "-h", "127.0.0.1", "-p", primary, "-U", "postgres", "-qc", sync, "-c", "SELECT pg_reload_conf()")
		p.waitForStandbys(primary, len(names))
	}
	return system{name: "postgres", host: ports[0], user: "postgres", database: "postgres"}
}

// postgres runs PostgreSQL's programs as a user that they accept.
type postgres struct {
	r          *reporter
	bin        string
	credential *syscall.Credential
}

func (p *postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.credential}
	return cmd
}

func (p *postgres) run(name string, args ...string) string {
	out, err := p.command(name, args...).CombinedOutput()
	if err != nil {
		p.r.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// start starts a server on a data folder and ends it with the benchmark.
func (p *postgres) start(data string) {
	p.run("pg_ctl", "-D", data, "-l", data+".log", "-w", "start")
	p.r.Cleanup(func() { _, _ = p.command("pg_ctl", "-D", data, "-m", "immediate", "stop").CombinedOutput() })
}

func (p *postgres) waitForStandbys(port string, n int) {
	deadline := time.Now().Add(30 * time.Second)
	for {
		out := p.run("psql", "-h", "127.0.0.1", "-p", port, "-U", "postgres", "-Atc",
			"SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum' AND state = 'streaming'")
		if strings.TrimSpace(out) == strconv.Itoa(n) {
			return
		}
		if time.Now().After(deadline) {
			p.r.Fatalf("PostgreSQL's standbys do not follow: %s of %d", strings.TrimSpace(out), n)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// postgresBin finds the newest installed server.
func postgresBin(r *reporter) string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			r.Fatal("no PostgreSQL server is installed (Debian: apt-get install postgresql postgresql-contrib)")
		}
		found = []string{path}
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1])
}

// unprivileged gives the folder to a user that PostgreSQL runs as, where this
// process is root's: PostgreSQL refuses to run as root.
func unprivileged(r *reporter, dir string) *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		r.Fatalf("PostgreSQL does not run as root, and there is no user postgres: %v", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			r.Fatal(err)
		}
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		r.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func appendFile(r *reporter, name, text string) {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		r.Fatal(err)
	}
}

package harness

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// HavePostgres reports whether a PostgreSQL server is installed that tests can
// compare with.
func HavePostgres() bool { return postgresBin() != "" }

// StartPostgres starts a PostgreSQL primary whose commits wait for one of its
// standbys (none for one server), ends it with the test, and returns its address.
// The user is postgres, the database postgres.
func StartPostgres(r Reporter, servers int) string {
	bin := postgresBin()
	if bin == "" {
		r.Fatal("no PostgreSQL server is installed (Debian: apt-get install postgresql postgresql-contrib)")
	}
	ports := FreePorts(r, servers)
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
	return ports[0]
}

// postgres runs PostgreSQL's programs as a user that they accept.
type postgres struct {
	r          Reporter
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

// postgresBin finds the programs of the newest installed server; "" for none.
func postgresBin() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			return ""
		}
		found = []string{path}
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1])
}

// unprivileged gives the folder to a user that PostgreSQL runs as, where this
// process is root's: PostgreSQL refuses to run as root.
func unprivileged(r Reporter, dir string) *syscall.Credential {
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

func appendFile(r Reporter, name, text string) {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		r.Fatal(err)
	}
}

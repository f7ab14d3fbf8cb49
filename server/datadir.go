package server

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/ssmr/ssmr/configs"
	"github.com/ssmr/ssmr/internal/object"
)

// dataFormat numbers the layout of a data folder. A server refuses a folder of a
// newer one, and of an older one.
const dataFormat = 3

const (
	identityFile = "ssmr.json"
	lockFile     = "ssmr.lock"
)

// identity says whom a data folder belongs to. It is written once.
type identity struct {
	Format  int           `json:"format"`
	Cluster string        `json:"cluster"`
	Node    object.NodeID `json:"node"`
	// Incarnation counts the starts of the node on this folder, so that command
	// ids of different starts differ.
	Incarnation uint64 `json:"incarnation"`
	// Folder is drawn when the folder is made: it tells this folder from any other.
	Folder string `json:"folder"`
	// Formed says that the cluster has been formed, of the nodes and folders in
	// Founders: the node does not wait for its peers any more.
	Formed   bool                     `json:"formed"`
	Founders map[object.NodeID]string `json:"founders,omitempty"`
}

// dataDir is an opened data folder, locked against other processes.
type dataDir struct {
	path     string
	lock     *os.File
	identity identity
}

// openDataDir opens or makes the folder, and counts one more start.
func openDataDir(cfg *configs.Config) (*dataDir, error) {
	path, err := filepath.Abs(cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", cfg.DataDir, err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	lock, err := lockDir(path)
	if err != nil {
		return nil, err
	}
	d := &dataDir{path: path, lock: lock}
	if err := d.readIdentity(cfg); err != nil {
		d.close()
		return nil, err
	}
	d.identity.Incarnation++
	if err := d.writeIdentity(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func lockDir(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("data folder %s is in use by another ssmr-server", path)
		}
		return nil, fmt.Errorf("data folder %s: lock: %w", path, err)
	}
	return f, nil
}

// readIdentity reads whose folder it is, and refuses one that is not this node's.
func (d *dataDir) readIdentity(cfg *configs.Config) error {
	own := identity{Format: dataFormat, Cluster: cfg.Cluster.Name, Node: cfg.Node}
	text, err := os.ReadFile(filepath.Join(d.path, identityFile))
	if errors.Is(err, fs.ErrNotExist) {
		return d.claim(own)
	}
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	var got identity
	if err := json.Unmarshal(text, &got); err != nil {
		return fmt.Errorf("data folder %s: %s is damaged: %w", d.path, identityFile, err)
	}
	switch {
	case got.Format > dataFormat:
		return fmt.Errorf("data folder %s was written by a newer ssmr-server (format %d, this one knows %d)", d.path, got.Format, dataFormat)
	case got.Format > 0 && got.Format < dataFormat:
		return fmt.Errorf("data folder %s was written by an older ssmr-server (format %d, this one knows %d only): read it with that one",
			d.path, got.Format, dataFormat)
	case got.Format < 1 || got.Folder == "":
		return fmt.Errorf("data folder %s: %s is damaged: it names no format or folder", d.path, identityFile)
	case got.Cluster != own.Cluster:
		return fmt.Errorf("data folder %s belongs to cluster %q, this server is of cluster %q", d.path, got.Cluster, own.Cluster)
	case got.Node != own.Node:
		return fmt.Errorf("data folder %s belongs to node %q, this server is node %q", d.path, got.Node, own.Node)
	}
	d.identity = got
	return nil
}

// claim takes an empty folder for this node; a folder that holds other
// things is left alone.
func (d *dataDir) claim(own identity) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	for _, e := range entries {
		if e.Name() != lockFile {
			return fmt.Errorf("data folder %s is not empty and is not of an ssmr-server (it holds %s)", d.path, e.Name())
		}
	}
	own.Folder = rand.Text()
	d.identity = own
	return nil
}

// writeIdentity replaces the identity file so that a crash leaves the old one or
// the new one.
func (d *dataDir) writeIdentity() error {
	text, err := json.MarshalIndent(d.identity, "", "  ")
	if err != nil {
		return err
	}
	name := filepath.Join(d.path, identityFile)
	if err := writeSynced(name+".new", append(text, '\n')); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return syncDir(d.path)
}

func writeSynced(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// maxSocketFolder bounds the path of a folder for sockets, whose own paths have room for
// about a hundred bytes.
const maxSocketFolder = 64

// socketFolder is a folder for the sockets of policies: in the data folder, or, where the
// path of that is long, among temporary files.
func (d *dataDir) socketFolder() string {
	if path := filepath.Join(d.path, "sockets"); len(path) <= maxSocketFolder {
		return path
	}
	return filepath.Join(os.TempDir(), "ssmr-"+d.identity.Folder)
}

func (d *dataDir) close() error { return d.lock.Close() }

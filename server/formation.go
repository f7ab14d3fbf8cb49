package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ssmr/ssmr/configs"
	"github.com/ssmr/ssmr/internal/cluster"
	"github.com/ssmr/ssmr/internal/object"
)

// methodMeet is how nodes meet before they form a cluster. On the wire: append only.
const methodMeet uint16 = 0x0301

const (
	meetInterval   = 200 * time.Millisecond
	meetTimeout    = 2 * time.Second
	meetLogs       = 10 * time.Second
	maxMeetBytes   = 1 << 20
	clusterVersion = 1 // of what nodes say to each other
)

// introduction is what a node says of itself to another one.
type introduction struct {
	Version    int                      `json:"version"`
	Node       object.NodeID            `json:"node"`
	Folder     string                   `json:"folder"` // identity.Folder
	Formed     bool                     `json:"formed"`
	Founders   map[object.NodeID]string `json:"founders,omitempty"`
	Partitions int                      `json:"partitions"`
	Nodes      map[object.NodeID]string `json:"nodes"`
	Release    string                   `json:"release"`
	Started    time.Time                `json:"started"`
}

// formation forms a new cluster when all of its nodes have met, and afterwards
// tells nodes whom the cluster was formed of. A node whose folder is not the one
// that the cluster was formed with is turned away: with an empty folder it would
// have forgotten what it had acknowledged, and its vote could undo that.
type formation struct {
	cfg       *configs.Config
	dir       *dataDir
	transport *cluster.Transport
	log       *slog.Logger
	started   time.Time

	mu  sync.Mutex // guards met and dir.identity
	met map[object.NodeID]introduction
}

func newFormation(cfg *configs.Config, dir *dataDir, t *cluster.Transport, log *slog.Logger, started time.Time) *formation {
	f := &formation{cfg: cfg, dir: dir, transport: t, log: log, started: started, met: make(map[object.NodeID]introduction)}
	t.Handle(methodMeet, f.meet)
	return f
}

// introduce says who this node is.
func (f *formation) introduce() introduction {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.dir.identity
	return introduction{
		Version: clusterVersion, Node: f.cfg.Node, Folder: id.Folder, Formed: id.Formed, Founders: maps.Clone(id.Founders),
		Partitions: f.cfg.Partitions, Nodes: nodeAddresses(f.cfg), Release: Version(), Started: f.started,
	}
}

// meet answers another node's introduction with the own one.
func (f *formation) meet(_ context.Context, from object.NodeID, req []byte) ([]byte, error) {
	if len(req) > maxMeetBytes {
		return nil, fmt.Errorf("introduction of %d bytes", len(req))
	}
	var other introduction
	if err := json.Unmarshal(req, &other); err != nil {
		return nil, fmt.Errorf("introduction: %w", err)
	}
	if err := f.remember(from, other); err != nil {
		f.log.Warn("a node does not fit into this cluster", "node", from, "reason", err)
	}
	return json.Marshal(f.introduce())
}

// remember takes note of another node, and says why it does not fit with this one.
func (f *formation) remember(from object.NodeID, other introduction) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	own := f.dir.identity
	switch {
	case other.Version != clusterVersion:
		return fmt.Errorf("node %q speaks version %d of the nodes' protocol, this node speaks %d", from, other.Version, clusterVersion)
	case other.Formed && other.Founders[f.cfg.Node] != own.Folder:
		return fmt.Errorf("the cluster was formed with another data folder of node %q than %s, which is new or of another time; start the node with the folder that it had", f.cfg.Node, f.dir.path)
	case own.Formed && own.Founders[from] != other.Folder:
		return fmt.Errorf("node %q came with another data folder than the one that the cluster was formed with", from)
	case !maps.Equal(other.Nodes, nodeAddresses(f.cfg)):
		return fmt.Errorf("nodes are configured differently: %q says cluster.nodes are %v, here they are %v", from, other.Nodes, nodeAddresses(f.cfg))
	case !own.Formed && !other.Formed && other.Partitions != f.cfg.Partitions:
		return fmt.Errorf("nodes are configured differently: %q says partitions is %d, here it is %d", from, other.Partitions, f.cfg.Partitions)
	}
	f.met[from] = other
	return nil
}

// form returns when the cluster is formed: at once where it was before, and where
// this node is the only one.
func (f *formation) form(ctx context.Context) error {
	if f.dir.identity.Formed {
		return nil
	}
	waitingSince := time.Now()
	for {
		missing, err := f.meetAll(ctx)
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			return f.formed()
		}
		if time.Since(waitingSince) > meetLogs {
			f.log.Info("waiting for the other nodes to form the cluster", "missing", missing)
			waitingSince = time.Now()
		}
		select {
		case <-time.After(meetInterval):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// meetAll introduces this node to those that it has not met, and returns who is
// still missing. A node that does not fit is an error.
func (f *formation) meetAll(ctx context.Context) (missing []object.NodeID, err error) {
	for _, n := range f.cfg.Cluster.Nodes {
		if n.Name == f.cfg.Node {
			continue
		}
		if err := f.visit(ctx, n.Name); errors.Is(err, errNotMet) {
			missing = append(missing, n.Name)
		} else if err != nil {
			return nil, err
		}
	}
	return missing, nil
}

// errNotMet says that a node could not be reached.
var errNotMet = errors.New("node was not met")

// visit introduces this node to another one.
func (f *formation) visit(ctx context.Context, node object.NodeID) error {
	ctx, cancel := context.WithTimeout(ctx, meetTimeout)
	defer cancel()
	req, err := json.Marshal(f.introduce())
	if err != nil {
		return err
	}
	answer, err := f.transport.Call(ctx, node, methodMeet, req)
	if err != nil {
		return errNotMet
	}
	var other introduction
	if err := json.Unmarshal(answer, &other); err != nil {
		return fmt.Errorf("node %q answered with rubbish: %w", node, err)
	}
	return f.remember(node, other)
}

// formed notes whom the cluster consists of, so that this node does not wait again.
func (f *formation) formed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	founders := map[object.NodeID]string{f.cfg.Node: f.dir.identity.Folder}
	for node, other := range f.met {
		founders[node] = other.Folder
	}
	f.dir.identity.Founders = founders
	f.dir.identity.Formed = true
	if err := f.dir.writeIdentity(); err != nil {
		return err
	}
	if len(founders) > 1 {
		f.log.Info("cluster formed", "nodes", slices.Sorted(maps.Keys(founders)))
	}
	return nil
}

// nodeAddresses returns the cluster port of each configured node.
func nodeAddresses(cfg *configs.Config) map[object.NodeID]string {
	out := make(map[object.NodeID]string, len(cfg.Cluster.Nodes))
	for _, n := range cfg.Cluster.Nodes {
		out[n.Name] = n.Address
	}
	return out
}

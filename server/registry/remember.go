package registry

import (
	"context"
	"encoding/binary"
	"sync"

	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/plugins/host"
	"github.com/ssmr/ssmr/plugins/placement"
)

const (
	// maxRemembered bounds the answers that are remembered of one program; beyond it all are
	// forgotten. maxKey bounds what an answer is remembered by, in bytes.
	maxRemembered = 8192
	maxKey        = 200
)

// memory is what a program has answered about objects, if it claims that its answer follows
// from what it is told (placement.Objectwise). It is forgotten when that changes.
type memory struct {
	mu      sync.RWMutex // guards what follows
	basis   basis
	answers map[string]remembered // by what was told of the object
}

// basis is what all answers that are remembered go by.
type basis struct {
	by      host.ProgramID
	catalog uint64
	load    *placement.Partition // the first; what Dependencies.Load returns is not changed
}

type remembered struct {
	placement.Placement
	version string
}

// recall finds answers by keys; missing are the indexes of the others.
func (m *memory) recall(b basis, keys *keys, answers []placement.Placement) (version string, missing []int) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for i := range answers {
		a, ok := m.answers[string(keys.at(i))]
		if !ok || m.basis != b {
			missing = append(missing, i)
			continue
		}
		answers[i], version = a.Placement, a.version
	}
	return version, missing
}

// keep remembers answers to the objects at some indexes.
func (m *memory) keep(b basis, keys *keys, at []int, answers []placement.Placement, version string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answers == nil || m.basis != b || len(m.answers)+len(at) > maxRemembered {
		m.basis, m.answers = b, make(map[string]remembered)
	}
	for n, i := range at {
		if key := keys.at(i); len(key) <= maxKey && n < len(answers) && len(m.answers) < maxRemembered {
			m.answers[string(key)] = remembered{answers[n], version}
		}
	}
}

// keys are what is told of the objects of a request, one after another.
type keys struct {
	text []byte
	ends []int
}

func (k *keys) at(i int) []byte {
	if i == 0 {
		return k.text[:k.ends[0]]
	}
	return k.text[k.ends[i-1]:k.ends[i]]
}

// keysOf writes down the table, the hint, and the home and the values of columns of each
// object.
func keysOf(r *execute.PlaceRequest, columns []int) *keys {
	k := &keys{ends: make([]int, len(r.Rows))}
	format := &datum.Format{}
	var text []byte
	for i, row := range r.Rows {
		k.text = binary.AppendUvarint(k.text, uint64(r.Table.ID))
		k.text = binary.AppendUvarint(k.text, uint64(r.Table.Version))
		k.text = binary.AppendUvarint(k.text, uint64(len(r.Hint)))
		k.text = append(k.text, r.Hint...)
		k.text = binary.AppendUvarint(k.text, uint64(r.Homes[i]))
		for _, c := range columns {
			if c >= len(row) || row[c].IsNull() {
				k.text = binary.AppendUvarint(k.text, 0)
				continue
			}
			text = datum.AppendText(text[:0], row[c], r.Table.Columns[c].Type, format)
			k.text = binary.AppendUvarint(k.text, uint64(len(text))+1)
			k.text = append(k.text, text...)
		}
		k.ends[i] = len(k.text)
	}
	return k
}

// askOnce asks a program about those objects that it has not answered about before. Where it
// answers for fewer than there are, which are the first, the error says why.
func (c *choosing) askOnce(ctx context.Context, p *program, about *question) ([]placement.Placement, error) {
	b := basis{by: about.To, catalog: c.view.snap.Version, load: c.view.load}
	keys := keysOf(c.request, about.Columns)
	all := make([]placement.Placement, len(c.request.Rows))
	version, missing := p.memory.recall(b, keys, all)
	c.version = version
	if len(missing) == 0 {
		return all, nil
	}
	answers, err := c.askProgram(ctx, p, about, describeObjects(c.request, about.Columns, missing))
	for n, a := range answers {
		all[missing[n]] = a
	}
	p.memory.keep(b, keys, missing, answers, c.version)
	if err != nil {
		return all[:missing[len(answers)]], err
	}
	return all, nil
}

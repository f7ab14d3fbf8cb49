package oracle

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/internal/storage"
)

// load reads the state that is kept in memory from the space.
func load(space *storage.Space) (state, error) {
	s := newState()
	if v, found, err := space.Get(nil, []byte{keyCounters}); err != nil {
		return s, err
	} else if found {
		if s.counters, err = decodeCounters(v); err != nil {
			return s, fmt.Errorf("oracle: counters: %w", err)
		}
	}
	if v, found, err := space.Get(nil, []byte{keyCluster}); err != nil {
		return s, err
	} else if found {
		if s.partitions, s.slots, err = decodeCluster(v); err != nil {
			return s, fmt.Errorf("oracle: partitions and slots: %w", err)
		}
	}
	for _, l := range []struct {
		kind byte
		load func(key, value []byte) error
	}{
		{keyTable, s.loadTable}, {keySequence, s.loadSequence}, {keyBatch, s.loadBatch},
		{keyHistory, s.loadHistory}, {keyJob, s.loadJob}, {keyRequest, s.loadRequest},
		{keyPolicy, s.loadPolicy},
	} {
		if err := scan(space, l.kind, l.load); err != nil {
			return s, fmt.Errorf("oracle: load state (%c): %w", l.kind, err)
		}
	}
	return s, nil
}

// scan calls fn for each key of a kind, in order; the key comes without its kind.
func scan(space *storage.Space, kind byte, fn func(key, value []byte) error) error {
	it, err := space.NewIterator([]byte{kind}, []byte{kind + 1})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		if err := fn(it.Key()[1:], it.Value()); err != nil {
			_ = it.Close()
			return err
		}
	}
	return it.Close()
}

func (s *state) loadTable(_, v []byte) error {
	t := new(catalog.Table)
	if err := json.Unmarshal(v, t); err != nil {
		return err
	}
	s.tables[t.ID] = t
	s.names[t.Name] = t.ID
	return nil
}

func (s *state) loadSequence(key, v []byte) error {
	if len(key) != 6 || len(v) != 8 {
		return errMalformed
	}
	k := sequenceKey{table: object.TableID(binary.BigEndian.Uint32(key)), column: int(binary.BigEndian.Uint16(key[4:]))}
	s.sequences[k] = int64(binary.BigEndian.Uint64(v))
	return nil
}

func (s *state) loadBatch(_, v []byte) error {
	b, err := decodeBatch(v)
	if err != nil {
		return err
	}
	s.batches[b.move] = b
	if !b.done {
		s.unfinished++
	}
	return nil
}

func (s *state) loadHistory(_, v []byte) error {
	var m catalog.Move
	if err := json.Unmarshal(v, &m); err != nil {
		return err
	}
	s.history = append(s.history, m)
	return nil
}

func (s *state) loadJob(_, v []byte) error {
	j := new(job)
	if err := json.Unmarshal(v, j); err != nil {
		return err
	}
	s.jobs[j.ID] = j
	if j.Kind == jobAlter && j.Phase < phaseInstall {
		s.names[j.Table.Name] = j.Table.ID
	}
	return nil
}

func (s *state) loadRequest(_, v []byte) error {
	r := new(request)
	if err := json.Unmarshal(v, r); err != nil {
		return err
	}
	s.requests[r.ID] = r
	s.order = append(s.order, r)
	return nil
}

func (s *state) loadPolicy(_, v []byte) error {
	var p catalog.Policy
	if err := json.Unmarshal(v, &p); err != nil {
		return err
	}
	s.policies = append(s.policies, p)
	return nil
}

func appendCluster(dst []byte, partitions []catalog.Partition, slots []object.Location) []byte {
	text, _ := json.Marshal(partitions)
	dst = appendString(dst, text)
	dst = binary.AppendUvarint(dst, uint64(len(slots)))
	for _, l := range slots {
		dst = appendLocation(dst, l)
	}
	return dst
}

func decodeCluster(v []byte) ([]catalog.Partition, []object.Location, error) {
	d := decoder{b: v}
	var partitions []catalog.Partition
	if err := json.Unmarshal(d.bytes(), &partitions); err != nil {
		return nil, nil, err
	}
	slots := make([]object.Location, d.count())
	for i := range slots {
		slots[i] = d.location()
	}
	return partitions, slots, d.end()
}

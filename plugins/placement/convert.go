package placement

import "github.com/ssmr/ssmr/plugins/placement/placementpb"

// TableOf understands a table as it is sent; nil is a table without a name.
func TableOf(t *placementpb.Table) Table {
	table := Table{Name: t.GetName(), Key: t.GetKey(), Columns: make([]Column, len(t.GetColumns()))}
	for i, c := range t.GetColumns() {
		table.Columns[i] = Column{Name: c.GetName(), Type: c.GetType()}
	}
	return table
}

// Message is the table as it is sent.
func (t *Table) Message() *placementpb.Table {
	m := &placementpb.Table{Name: t.Name, Key: t.Key, Columns: make([]*placementpb.Column, len(t.Columns))}
	for i, c := range t.Columns {
		m.Columns[i] = &placementpb.Column{Name: c.Name, Type: c.Type}
	}
	return m
}

// BatchOf understands a batch as it is sent. Objects have a value for each column, NULL
// where none came.
func BatchOf(r *placementpb.PlaceRequest) *Batch {
	table := TableOf(r.GetTable())
	return batchOf(&table, partitionsOf(r), r)
}

// batchOf understands the rest of a batch.
func batchOf(table *Table, partitions []Partition, r *placementpb.PlaceRequest) *Batch {
	sent := r.GetObjects()
	b := &Batch{
		Table: table, Hint: r.GetHint(), DryRun: r.GetDryRun(), Partitions: partitions,
		Objects: make([]Object, len(sent.GetHomes())),
	}
	n := len(table.Columns)
	all := make([]Value, n*len(b.Objects))
	for i := range all {
		all[i].Null = true
	}
	for _, v := range sent.GetValues() {
		if int(v.GetColumn()) >= n || len(v.Texts) > len(b.Objects) {
			continue // it is of no column, or of no object
		}
		for i, text := range v.Texts {
			if i >= len(v.Nulls) || !v.Nulls[i] {
				all[i*n+int(v.Column)] = Value{Text: text}
			}
		}
	}
	for i, home := range sent.GetHomes() {
		o := &b.Objects[i]
		o.Values, o.Home = all[i*n:(i+1)*n:(i+1)*n], home
		if i < len(sent.Current) {
			o.Current = sent.Current[i]
		}
		if i < len(sent.Bytes) {
			o.Bytes = sent.Bytes[i]
		}
	}
	return b
}

func partitionsOf(r *placementpb.PlaceRequest) []Partition {
	partitions := make([]Partition, len(r.GetPartitions()))
	for i, p := range r.GetPartitions() {
		partitions[i] = Partition{
			ID: p.GetId(), Objects: p.GetObjects(), Bytes: p.GetBytes(), CommandsPerSecond: p.GetCommandsPerSecond(),
			Labels: p.GetLabels(), Closed: p.GetClosed(),
		}
	}
	return partitions
}

// Message is the batch as it is sent, with the options of its table, and with the values of
// some columns; all where columns is nil.
func (b *Batch) Message(options Options, columns []int) *placementpb.PlaceRequest {
	m := b.ObjectsMessage(columns)
	m.Table, m.Options, m.Partitions = b.Table.Message(), options, b.PartitionsMessage()
	return m
}

// PartitionsMessage is the partitions as they are sent.
func (b *Batch) PartitionsMessage() []*placementpb.Partition {
	m := make([]*placementpb.Partition, len(b.Partitions))
	for i, p := range b.Partitions {
		m[i] = &placementpb.Partition{
			Id: p.ID, Objects: p.Objects, Bytes: p.Bytes, CommandsPerSecond: p.CommandsPerSecond, Labels: p.Labels, Closed: p.Closed,
		}
	}
	return m
}

// ObjectsMessage is the batch as it is sent, without its table and its partitions.
func (b *Batch) ObjectsMessage(columns []int) *placementpb.PlaceRequest {
	return &placementpb.PlaceRequest{Hint: b.Hint, DryRun: b.DryRun, Objects: b.message(columns)}
}

// message is the objects as they are sent.
func (b *Batch) message(columns []int) *placementpb.Objects {
	n := len(b.Objects)
	m := &placementpb.Objects{Homes: make([]uint32, n)}
	for i := range b.Objects {
		o := &b.Objects[i]
		m.Homes[i] = o.Home
		if o.Current != 0 && m.Current == nil {
			m.Current, m.Bytes = make([]uint32, n), make([]int64, n)
		}
		if m.Current != nil {
			m.Current[i], m.Bytes[i] = o.Current, o.Bytes
		}
	}
	if columns == nil {
		columns = make([]int, len(b.Table.Columns))
		for c := range columns {
			columns[c] = c
		}
	}
	for _, c := range columns {
		v := &placementpb.Values{Column: uint32(c), Texts: make([]string, n)}
		for i := range b.Objects {
			values := b.Objects[i].Values
			if c < len(values) && !values[c].Null {
				v.Texts[i] = values[c].Text
				continue
			}
			if v.Nulls == nil {
				v.Nulls = make([]bool, n)
			}
			v.Nulls[i] = true
		}
		m.Values = append(m.Values, v)
	}
	return m
}

// answerOf is placements as they are sent: a reason that many share is sent once.
func answerOf(placed []Placement) *placementpb.PlaceResponse {
	m := &placementpb.PlaceResponse{Partitions: make([]uint32, len(placed)), ReasonOf: make([]uint32, len(placed))}
	known := make(map[string]uint32)
	for i, p := range placed {
		m.Partitions[i] = p.Partition
		if i > 0 && p.Reason == placed[i-1].Reason {
			m.ReasonOf[i] = m.ReasonOf[i-1]
			continue
		}
		at, ok := known[p.Reason]
		if !ok {
			at = uint32(len(m.Reasons))
			known[p.Reason] = at
			m.Reasons = append(m.Reasons, p.Reason)
		}
		m.ReasonOf[i] = at
	}
	return m
}

// PlacementsOf understands an answer about so many objects; ok is false where it does not fit
// them. Each text of a reason goes through clip once.
func PlacementsOf(m *placementpb.PlaceResponse, objects int, clip func(string) string) (placed []Placement, ok bool) {
	reasons, of := m.GetReasons(), m.GetReasonOf()
	switch {
	case len(m.GetPartitions()) != objects, len(of) != 0 && len(of) != objects, len(of) == 0 && len(reasons) != 0 && len(reasons) != objects && objects > 0:
		return nil, false
	}
	for i, reason := range reasons {
		reasons[i] = clip(reason)
	}
	placed = make([]Placement, objects)
	for i, partition := range m.GetPartitions() {
		placed[i].Partition = partition
		at := i
		if len(of) > 0 {
			at = int(of[i])
		} else if len(reasons) == 0 {
			continue
		}
		if at >= len(reasons) {
			return nil, false
		}
		placed[i].Reason = reasons[at]
	}
	return placed, true
}

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

// BatchOf understands a batch as it is sent. Objects have a value for each column,
// NULL where none came.
func BatchOf(r *placementpb.PlaceRequest) *Batch {
	table := TableOf(r.GetTable())
	b := &Batch{
		Table: &table, Hint: r.GetHint(), DryRun: r.GetDryRun(),
		Objects: make([]Object, len(r.GetObjects())), Partitions: make([]Partition, len(r.GetPartitions())),
	}
	n := len(table.Columns)
	all := make([]Value, n*len(b.Objects))
	for i, o := range r.GetObjects() {
		values := all[i*n : (i+1)*n : (i+1)*n]
		for c := range values {
			values[c] = Value{Null: true}
			if c < len(o.GetValues()) {
				values[c] = Value{Text: o.Values[c].GetText(), Null: o.Values[c].GetNull()}
			}
		}
		b.Objects[i] = Object{Values: values, Home: o.GetHome(), Current: o.GetCurrent(), Bytes: o.GetBytes()}
	}
	for i, p := range r.GetPartitions() {
		b.Partitions[i] = Partition{
			ID: p.GetId(), Objects: p.GetObjects(), Bytes: p.GetBytes(), CommandsPerSecond: p.GetCommandsPerSecond(),
			Labels: p.GetLabels(), Closed: p.GetClosed(),
		}
	}
	return b
}

// Message is the batch as it is sent, with the options of its table.
func (b *Batch) Message(options Options) *placementpb.PlaceRequest {
	m := &placementpb.PlaceRequest{
		Table: b.Table.Message(), Options: options, Hint: b.Hint, DryRun: b.DryRun,
		Objects: make([]*placementpb.Object, len(b.Objects)), Partitions: make([]*placementpb.Partition, len(b.Partitions)),
	}
	count := 0
	for i := range b.Objects {
		count += len(b.Objects[i].Values)
	}
	// All values in one piece, and all objects: a statement may be about thousands.
	values, pointers, objects := make([]placementpb.Value, count), make([]*placementpb.Value, count), make([]placementpb.Object, len(b.Objects))
	for i := range b.Objects {
		o := &b.Objects[i]
		n := len(o.Values)
		for c, v := range o.Values {
			values[c].Text, values[c].Null = v.Text, v.Null
			pointers[c] = &values[c]
		}
		m.Objects[i] = &objects[i]
		objects[i].Values, objects[i].Home, objects[i].Current, objects[i].Bytes = pointers[:n:n], o.Home, o.Current, o.Bytes
		values, pointers = values[n:], pointers[n:]
	}
	for i, p := range b.Partitions {
		m.Partitions[i] = &placementpb.Partition{
			Id: p.ID, Objects: p.Objects, Bytes: p.Bytes, CommandsPerSecond: p.CommandsPerSecond, Labels: p.Labels, Closed: p.Closed,
		}
	}
	return m
}

package command

// Decoder decodes commands one after another in the same memory. The zero value is ready.
type Decoder struct {
	command Command
	prepare Prepare
	writes  []*Write // of the command, then those that were used before
	used    int
	names   map[string]string
}

// What a Decoder keeps for the next command.
const (
	keptNames    = 1024
	keptName     = 64 // bytes
	keptWrites   = 64
	keptElements = 256 // of a list
)

// Command is DecodeCommand; what it returns is valid until the next call. Ids and other
// strings may be kept.
func (d *Decoder) Command(b []byte) (*Command, error) {
	d.trim()
	return decodeCommand(reader{b: b, d: d}, &d.command)
}

// trim lets go of what a large command has left.
func (d *Decoder) trim() {
	for _, w := range d.writes[:d.used] {
		w.Targets, w.Context.Params = kept(w.Targets), kept(w.Context.Params)
	}
	if len(d.writes) > keptWrites {
		clear(d.writes[keptWrites:])
		d.writes = d.writes[:keptWrites]
	}
	p := &d.prepare
	p.Participants, p.Part.Tables, p.Part.Effects, p.Part.Writes = kept(p.Participants), kept(p.Part.Tables), kept(p.Part.Effects), kept(p.Part.Writes)
	d.used = 0
}

func kept[T any](s []T) []T {
	if cap(s) > keptElements {
		return nil
	}
	return s
}

// newWrite returns a Write to be written over; without a decoder a new one.
func (d *Decoder) newWrite() *Write {
	if d == nil {
		return new(Write)
	}
	if d.used == len(d.writes) {
		d.writes = append(d.writes, new(Write))
	}
	d.used++
	return d.writes[d.used-1]
}

// newPrepare is newWrite of a Prepare.
func (d *Decoder) newPrepare() *Prepare {
	if d == nil {
		return new(Prepare)
	}
	return &d.prepare
}

// name returns b as a string; without a decoder a new one.
func (d *Decoder) name(b []byte) string {
	if d == nil {
		return string(b)
	}
	if s, known := d.names[string(b)]; known {
		return s
	}
	if d.names == nil || len(d.names) >= keptNames {
		d.names = make(map[string]string)
	}
	s := string(b)
	if len(s) <= keptName {
		d.names[s] = s
	}
	return s
}

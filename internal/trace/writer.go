package trace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/object"
)

// writer writes the lines of a trace into its file, and what they refer to before them.
// It belongs to one goroutine.
type writer struct {
	cfg  Config
	file *os.File
	out  *bufio.Writer
	size int64

	tables     map[object.TableID]*catalog.Table // as they stand in the file
	snapshot   *catalog.Snapshot                 // whose partitions were compared last
	partitions []byte                            // the line of them
}

// open begins a recording at the end of the file.
func (w *writer) open() error {
	f, size, err := openFile(w.cfg.File)
	if err != nil {
		return err
	}
	w.file, w.out, w.size = f, bufio.NewWriterSize(f, 64<<10), size
	w.tables, w.snapshot, w.partitions = make(map[object.TableID]*catalog.Table), nil, nil
	if size > 0 { // the last line may have been cut off
		if err := w.bytes(nil); err != nil {
			return err
		}
	}
	return w.line(Line{Trace: &Header{Version: Version, Node: string(w.cfg.Node), At: w.cfg.Clock().UTC()}})
}

func (w *writer) close() error {
	err := w.out.Flush()
	if closing := w.file.Close(); err == nil {
		err = closing
	}
	return err
}

// command writes the line of a command, behind those of its tables.
func (w *writer) command(c command) error {
	if w.size > w.cfg.Size/2 {
		if err := w.change(); err != nil {
			return err
		}
	}
	if snap := w.cfg.Catalog(); snap != w.snapshot {
		w.snapshot = snap
		line, err := json.Marshal(Line{Partitions: describePartitions(snap.Partitions)})
		if err != nil {
			return err
		}
		if len(snap.Partitions) > 0 && !bytes.Equal(line, w.partitions) {
			w.partitions = line
			if err := w.bytes(line); err != nil {
				return err
			}
		}
	}
	for _, t := range c.tables {
		if known := w.tables[t.ID]; known != nil && known.Version == t.Version {
			continue
		}
		w.tables[t.ID] = t
		if err := w.line(Line{Table: describeTable(t)}); err != nil {
			return err
		}
	}
	return w.bytes(c.line)
}

// change puts the file aside and begins another.
func (w *writer) change() error {
	if err := w.close(); err != nil {
		return err
	}
	if err := os.Rename(w.cfg.File, previous(w.cfg.File)); err != nil {
		return err
	}
	return w.open()
}

func (w *writer) line(l Line) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return w.bytes(text)
}

func (w *writer) bytes(line []byte) error {
	w.size += int64(len(line)) + 1
	if _, err := w.out.Write(line); err != nil {
		return err
	}
	return w.out.WriteByte('\n')
}

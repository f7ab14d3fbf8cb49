package replication

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/ssmr/ssmr/internal/object"
)

// Kinds of entries, the first byte of an entry's data. They are in logs: append
// only.
const (
	// uvarint count of proposals, then for each: uvarint count of its commands (more than
	// one: they are executed jointly), and for each of these: uvarint machine, uvarint
	// length, bytes.
	entryCommands byte = 1
	entryChecksum byte = 2 // uvarint machine; every replica computes a checksum of it
)

// maxEntryCommands bounds what a decoder makes room for.
const maxEntryCommands = 1 << 20

var errEntry = errors.New("log entry cannot be decoded")

// commandOverhead bounds what encoding adds to a command.
const commandOverhead = 3 * binary.MaxVarintLen32

// appendCommandsHeader begins the data of an entry of commands.
func appendCommandsHeader(dst []byte, count int) []byte {
	return binary.AppendUvarint(append(dst, entryCommands), uint64(count))
}

// appendProposal appends the commands of one proposal.
func appendProposal(dst []byte, commands []Addressed) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(commands)))
	for _, c := range commands {
		dst = binary.AppendUvarint(dst, uint64(c.To))
		dst = append(binary.AppendUvarint(dst, uint64(len(c.Command))), c.Command...)
	}
	return dst
}

// appendChecksumEntry makes the data of an entry that asks for a checksum.
func appendChecksumEntry(dst []byte, of object.MachineID) []byte {
	return binary.AppendUvarint(append(dst, entryChecksum), uint64(of))
}

// decodeCommands appends the commands of an entry to dst, and for each proposal to sizes
// how many are its own. They share memory with data.
func decodeCommands(dst []Addressed, sizes []int, data []byte) ([]Addressed, []int, error) {
	if len(data) == 0 || data[0] != entryCommands {
		return dst, sizes, fmt.Errorf("%w: it does not hold commands", errEntry)
	}
	d := entryDecoder{b: data[1:]}
	for range d.count() {
		n := d.count()
		if n == 0 && d.err == nil {
			d.err = fmt.Errorf("%w: a proposal without commands", errEntry)
		}
		for range n {
			dst = append(dst, Addressed{d.machine(), d.bytes()})
		}
		sizes = append(sizes, n)
		if d.err != nil {
			return dst, sizes, d.err
		}
	}
	return dst, sizes, d.end()
}

// decodeChecksum reads an entry that asks for a checksum.
func decodeChecksum(data []byte) (object.MachineID, error) {
	d := entryDecoder{b: data[1:]}
	id := d.machine()
	return id, d.end()
}

// entryDecoder reads an entry; the first error stays.
type entryDecoder struct {
	b   []byte
	err error
}

func (d *entryDecoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", errEntry, what)
	}
	d.b = nil
}

func (d *entryDecoder) uvarint(most uint64, what string) uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > most {
		d.fail(what)
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count reads how many follow, each of which has a byte at least.
func (d *entryDecoder) count() int {
	return int(d.uvarint(min(maxEntryCommands, uint64(len(d.b))), "count"))
}

func (d *entryDecoder) machine() object.MachineID {
	return object.MachineID(d.uvarint(math.MaxUint32, "number of a state machine"))
}

func (d *entryDecoder) bytes() []byte {
	n := d.uvarint(uint64(len(d.b)), "length of a command")
	if n > uint64(len(d.b)) {
		d.fail("it is too short")
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

func (d *entryDecoder) end() error {
	if d.err == nil && len(d.b) > 0 {
		d.fail(fmt.Sprintf("%d bytes follow its end", len(d.b)))
	}
	return d.err
}

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
	entryCommands byte = 1 // uvarint count, then for each command: uvarint machine, uvarint length, bytes
	entryChecksum byte = 2 // uvarint machine; every replica computes a checksum of it
)

// maxEntryCommands bounds what a decoder makes room for.
const maxEntryCommands = 1 << 20

var errEntry = errors.New("log entry cannot be decoded")

// commandOverhead bounds what encoding adds to a command.
const commandOverhead = 2 * binary.MaxVarintLen32

// addressed is a command, and the state machine that it is for.
type addressed struct {
	to      object.MachineID
	command []byte
}

// appendCommandsHeader begins the data of an entry of commands.
func appendCommandsHeader(dst []byte, count int) []byte {
	return binary.AppendUvarint(append(dst, entryCommands), uint64(count))
}

func appendCommand(dst []byte, to object.MachineID, command []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(to))
	return append(binary.AppendUvarint(dst, uint64(len(command))), command...)
}

// decodeMachine reads the number of a state machine.
func decodeMachine(data []byte) (id object.MachineID, rest []byte, err error) {
	number, n := binary.Uvarint(data)
	if n <= 0 || number > math.MaxUint32 {
		return 0, nil, fmt.Errorf("%w: number of a state machine", errEntry)
	}
	return object.MachineID(number), data[n:], nil
}

// appendChecksumEntry makes the data of an entry that asks for a checksum.
func appendChecksumEntry(dst []byte, of object.MachineID) []byte {
	return binary.AppendUvarint(append(dst, entryChecksum), uint64(of))
}

// decodeChecksum reads an entry that asks for a checksum.
func decodeChecksum(data []byte) (object.MachineID, error) {
	id, rest, err := decodeMachine(data[1:])
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%w: %d bytes follow a question for a checksum", errEntry, len(rest))
	}
	return id, err
}

// decodeCommands appends the commands of an entry to dst. They share memory with
// data.
func decodeCommands(dst []addressed, data []byte) ([]addressed, error) {
	if len(data) == 0 || data[0] != entryCommands {
		return dst, fmt.Errorf("%w: it does not hold commands", errEntry)
	}
	count, n := binary.Uvarint(data[1:])
	if n <= 0 || count > maxEntryCommands {
		return dst, fmt.Errorf("%w: count of commands", errEntry)
	}
	data = data[1+n:]
	for range count {
		to, rest, err := decodeMachine(data)
		if err != nil {
			return dst, err
		}
		data = rest
		length, n := binary.Uvarint(data)
		if n <= 0 || length > uint64(len(data)-n) {
			return dst, fmt.Errorf("%w: it is too short", errEntry)
		}
		data = data[n:]
		dst = append(dst, addressed{to, data[:length:length]})
		data = data[length:]
	}
	if len(data) > 0 {
		return dst, fmt.Errorf("%w: %d bytes follow the last command", errEntry, len(data))
	}
	return dst, nil
}

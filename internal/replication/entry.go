package replication

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Kinds of entries, the first byte of an entry's data. They are in logs: append
// only.
const (
	entryCommands byte = 1 // uvarint count, then for each command: uvarint length, bytes
	entryChecksum byte = 2 // nothing; every replica computes a checksum
)

// maxEntryCommands bounds what a decoder makes room for.
const maxEntryCommands = 1 << 20

var errEntry = errors.New("log entry cannot be decoded")

// commandOverhead bounds what encoding adds to a command.
const commandOverhead = binary.MaxVarintLen32

// appendCommandsHeader begins the data of an entry of commands.
func appendCommandsHeader(dst []byte, count int) []byte {
	return binary.AppendUvarint(append(dst, entryCommands), uint64(count))
}

func appendCommand(dst, command []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(command))), command...)
}

// decodeCommands appends the commands of an entry to dst. They share memory with
// data.
func decodeCommands(dst [][]byte, data []byte) ([][]byte, error) {
	if len(data) == 0 || data[0] != entryCommands {
		return dst, fmt.Errorf("%w: it does not hold commands", errEntry)
	}
	count, n := binary.Uvarint(data[1:])
	if n <= 0 || count > maxEntryCommands {
		return dst, fmt.Errorf("%w: count of commands", errEntry)
	}
	data = data[1+n:]
	for range count {
		length, n := binary.Uvarint(data)
		if n <= 0 || length > uint64(len(data)-n) {
			return dst, fmt.Errorf("%w: it is too short", errEntry)
		}
		data = data[n:]
		dst = append(dst, data[:length:length])
		data = data[length:]
	}
	if len(data) > 0 {
		return dst, fmt.Errorf("%w: %d bytes follow the last command", errEntry, len(data))
	}
	return dst, nil
}

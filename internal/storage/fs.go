//go:build !fault

package storage

import "github.com/cockroachdb/pebble/v2/vfs"

// systemFS is the file system of the operating system.
func systemFS() FS { return vfs.Default }

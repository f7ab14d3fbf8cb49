package datum

import (
	"archive/zip"
	_ "embed" // for the time zones
	"io"
	"strings"
	"sync"
	"time"
)

// zoneinfo is the time zone database (iana.org/time-zones, public domain) of
// the Go release, lib/time/zoneinfo.zip. It comes with the program, not from the
// machine: replicas that apply the same command must see the same rules.
//
//go:embed zoneinfo.zip
var zoneinfo string

// zone is a time zone of the database, loaded when it is first used.
type zone struct {
	name string
	file *zip.File
	load func() *time.Location
}

// zones maps names in lower case. It is built once and not changed.
var zones = sync.OnceValue(func() map[string]*zone {
	r, err := zip.NewReader(strings.NewReader(zoneinfo), int64(len(zoneinfo)))
	if err != nil {
		return nil
	}
	m := make(map[string]*zone, len(r.File))
	for _, f := range r.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		z := &zone{name: f.Name, file: f}
		z.load = sync.OnceValue(z.read)
		m[strings.ToLower(f.Name)] = z
	}
	return m
})

func (z *zone) read() *time.Location {
	f, err := z.file.Open()
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return nil
	}
	loc, err := time.LoadLocationFromTZData(z.name, data)
	if err != nil {
		return nil
	}
	return loc
}

// databaseZone finds a zone of the database by its name in any case; nil if
// there is none.
func databaseZone(name string) *time.Location {
	lower := strings.ToLower(name)
	if lower == "utc" {
		return time.UTC
	}
	if z := zones()[lower]; z != nil {
		return z.load()
	}
	return nil
}

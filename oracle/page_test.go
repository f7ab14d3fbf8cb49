package oracle

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
)

func decodePage(b []byte) (*page, error) {
	p := new(page)
	return p, p.decode(b)
}

// somePage is a page of entries that have much in common, or little.
func somePage(random *rand.Rand) *page {
	p := new(page)
	versions, reasons := 1+random.IntN(4), []string{"", "a", "b", "country is not listed, hash of the key"}
	for at := range p.entries {
		if random.IntN(3) == 0 {
			continue
		}
		r := &p.entries[at]
		r.Location = object.Location{Partition: object.PartitionID(1 + random.IntN(300)), Version: object.LocationVersion(1 + random.IntN(versions))}
		if random.IntN(4) == 0 {
			continue
		}
		r.known, r.past = true, random.IntN(5) == 0
		r.newest = catalog.Placed{At: fromMicro(int64(random.IntN(versions)) * 1e6), To: r.Partition, Pinned: random.IntN(5) == 0}
		if random.IntN(3) > 0 {
			r.newest.Origin = catalog.Origin{User: "ann", Policy: "geo", Version: "1", Reason: reasons[random.IntN(len(reasons))]}
		}
		if random.IntN(4) == 0 {
			r.newest.From, r.newest.To = object.PartitionID(random.IntN(3)), object.PartitionID(1+random.IntN(3))
		}
	}
	return p
}

// checkPlaces compares the two ways to read a location.
func checkPlaces(t *testing.T, p *page, encoded []byte) {
	t.Helper()
	for at := range p.entries {
		if l, err := placeIn(encoded, at); err != nil || l != p.entries[at].Location {
			t.Errorf("entry %d is at %v, %v; want %v", at, l, err, p.entries[at].Location)
		}
	}
}

func TestPage(t *testing.T) {
	for seed := range uint64(2000) {
		p := somePage(newRand(seed))
		b := p.append(nil)
		again, err := decodePage(b)
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Fatalf("seed %d: %v\n%+v\n%+v", seed, err, again, p)
		}
		checkPlaces(t, p, b)
		for n := 1; n < len(b); n++ {
			if _, err := decodePage(b[:n]); err == nil {
				t.Fatalf("seed %d: the first %d of %d bytes are a page", seed, n, len(b))
			}
		}
	}
}

// What rows of one statement have in common is stored once.
func TestPageOfOneStatement(t *testing.T) {
	p, now := new(page), time.Now().Truncate(time.Microsecond).UTC()
	for at := range p.entries {
		p.entries[at] = residence{Location: object.Location{Partition: object.PartitionID(at%4 + 1), Version: 1 << 30}, known: true}
		p.entries[at].newest = catalog.Placed{At: now, To: object.PartitionID(at%4 + 1), Origin: someone("the country is de")}
	}
	if n, one := len(p.append(nil)), len((&page{entries: [pageIDs]residence{p.entries[0]}}).append(nil)); n != one+2*(pageIDs-1) {
		t.Errorf("%d entries take %d bytes, one takes %d", pageIDs, n, one)
	}
}

// someKey is the key of a row: integers and texts of all lengths.
func someKey(t *testing.T, random *rand.Rand) []byte {
	t.Helper()
	var key []byte
	add := func(d datum.Datum, of datum.Type) {
		var err error
		if key, err = datum.AppendKey(key, d, of); err != nil {
			t.Fatal(err)
		}
	}
	for range 1 + random.IntN(2) {
		add(datum.NewInt(random.Int64N(400)-200), datum.Int8)
	}
	if random.IntN(2) == 0 {
		add(datum.NewInt(int64(random.Uint64())>>random.IntN(64)), datum.Int8)
	}
	return key
}

// Each id has its own place, and the last entry is that of the greatest id, also where keys
// differ in length.
func TestPagesOfIDs(t *testing.T) {
	for seed := range uint64(60) {
		w, random := newWorld(t), newRand(seed)
		table := w.directoryID().Table()
		columns := 1 + random.IntN(2)
		places := make(map[object.ID]object.PartitionID)
		var greatest object.ID
		for n := range 1 + random.IntN(200) {
			key := someKey(t, random)
			if seed%2 == 0 { // of one shape, as the keys of a table are
				key = nil
				for range columns {
					var err error
					if key, err = datum.AppendKey(key, datum.NewInt(random.Int64N(1200)-600), datum.Int8); err != nil {
						t.Fatal(err)
					}
				}
			}
			id := object.NewID(table, key)
			if _, twice := places[id]; !twice {
				places[id] = object.PartitionID(n%4 + 1)
				w.assign(id, places[id])
				greatest = max(greatest, id)
			}
			page, at := pageOf(nil, id)
			if got := idAt(page[1:], at); got != id {
				t.Fatalf("%x is entry %d of page %x, which is %x", id, at, page, got)
			}
		}
		for id, want := range places {
			if l, _, err := w.group.machine.locate([]object.ID{id}); err != nil || l[0].Partition != want {
				t.Fatalf("seed %d: %x is at %v, %v; want %d", seed, id, l, err, want)
			}
		}
		b := w.group.space.NewBatch()
		tx := &tx{state: &w.group.machine.st, b: b}
		if last, err := tx.lastEntry(table); err != nil || last != greatest {
			t.Errorf("seed %d: the last entry is of %x, %v; want %x", seed, last, err, greatest)
		}
		if last, err := tx.lastEntry(table + 1); err != nil || last != object.NewID(table+1, nil) {
			t.Errorf("the last entry of a table without any is of %x, %v", last, err)
		}
		b.Close()
		var all []object.ID
		for from, done := object.ID(""), false; !done; {
			list, next, err := w.group.machine.entries(from, 10)
			if err != nil || len(list) > 10+pageIDs {
				t.Fatal(len(list), err)
			}
			for _, e := range list {
				if e.location.Partition != places[e.id] {
					t.Errorf("the directory has %x at %v", e.id, e.location)
				}
				all = append(all, e.id)
			}
			from, done = next, next == ""
		}
		slices.Sort(all)
		if n := len(slices.Compact(all)); n != len(places) {
			t.Errorf("seed %d: the directory has %d entries, %d ids", seed, len(places), n)
		}
	}
}

package registry

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ssmr/ssmr/internal/catalog"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
	"github.com/ssmr/ssmr/planner/execute"
	"github.com/ssmr/ssmr/plugins/placement"
)

// byCountry is what a policy mostly is: it looks at one column and at labels.
type byCountry struct{}

func (byCountry) Name() string    { return "remote" }
func (byCountry) Version() string { return "1" }

func (byCountry) ReadColumns(placement.Table) []string { return []string{"country"} }

func (byCountry) Place(_ context.Context, b *placement.Batch) ([]placement.Placement, error) {
	column := b.Table.Column("country")
	open := make(map[string][]uint32)
	for i := range b.Partitions {
		p := &b.Partitions[i]
		open[p.Labels["country"]] = append(open[p.Labels["country"]], p.ID)
	}
	placed := make([]placement.Placement, len(b.Objects))
	for i := range placed {
		o := &b.Objects[i]
		fit := open[o.Values[column].Text]
		placed[i] = placement.Placement{Partition: fit[int(o.Home)%len(fit)], Reason: "its country"}
	}
	return placed, nil
}

// objectwise is byCountry that claims it.
type objectwise struct{ byCountry }

func (objectwise) Objectwise() bool { return true }

// BenchmarkPlace: statements of a few sizes from a few clients at once, placed by a program
// that reads one column, by one that is sent all, and by one whose answers are kept. It tells the processor time of an object in the server and in the program, and the calls.
func BenchmarkPlace(b *testing.B) {
	for _, name := range []string{"country", "all", "objectwise"} {
		b.Run(name, func(b *testing.B) { benchmarkPlace(b, name) })
	}
}

func benchmarkPlace(b *testing.B, name string) {
	f := newFixture(b, nil)
	f.catalog.change(func(next *catalog.Snapshot) {
		next.Partitions = nil
		for i := range 4 {
			label := map[string]string{"country": []string{"de", "us"}[i%2]}
			next.Partitions = append(next.Partitions, catalog.Partition{ID: object.PartitionID(i + 1), PartitionLimits: catalog.PartitionLimits{Labels: label}})
		}
	})
	f.load = make([]placement.Partition, 4)
	for i := range f.load {
		f.load[i] = placement.Partition{ID: uint32(i + 1), Objects: 123456, Bytes: 12345678, CommandsPerSecond: 1234.5}
	}
	f.catalog.policies(catalog.Policy{Name: "remote", Program: f.program(name)})
	until(b, "the program runs", func() bool { return f.status("remote").PID > 0 })
	t := table("remote", func(t *catalog.Table) {
		t.Columns = []catalog.Column{
			{Name: "id", Type: datum.Int8}, {Name: "country", Type: datum.Text}, {Name: "name", Type: datum.Text},
			{Name: "amount", Type: datum.Int8}, {Name: "payload", Type: datum.Text},
		}
	})
	f.catalog.change(func(next *catalog.Snapshot) { next.Tables = map[object.TableID]*catalog.Table{t.ID: t} })
	plugin, err := f.Registry.program("remote").now(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	if name != "all" {
		until(b, "the program has said what it reads", func() bool { return f.reads(t, plugin) != nil })
	}
	for _, rows := range []int{1, 100} {
		r := execute.PlaceRequest{Table: t}
		for i := range rows {
			r.Homes = append(r.Homes, object.PartitionID(i%4+1))
			r.Rows = append(r.Rows, []datum.Datum{
				datum.NewInt(int64(1000000 + i)), datum.NewText([]string{"de", "us"}[i%2]), datum.NewText("a name of somebody"),
				datum.NewInt(int64(i)), datum.NewText(strings.Repeat("x", 100)),
			})
		}
		for _, clients := range []int{1, 16, 64} {
			b.Run(fmt.Sprintf("rows=%d/clients=%d", rows, clients), func(b *testing.B) { f.ask(b, r, clients) })
		}
	}
}

// ask asks from so many clients at once.
func (f *fixture) ask(b *testing.B, r execute.PlaceRequest, clients int) {
	pid := f.status("remote").PID
	plugin, err := f.Registry.program("remote").now(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	calls, own, its := plugin.Status().Calls, ownTime(b), timeOf(b, pid)
	var left atomic.Int64
	left.Store(int64(b.N))
	var done sync.WaitGroup
	for range clients {
		done.Go(func() {
			for left.Add(-1) >= 0 {
				places, err := f.Place(context.Background(), r)
				if err != nil || places.Notice != "" {
					b.Errorf("%v %s", err, places.Notice)
					return
				}
			}
		})
	}
	done.Wait()
	objects := float64(b.N * len(r.Rows))
	b.ReportMetric(float64((ownTime(b)-own).Nanoseconds())/objects, "server-ns/object")
	b.ReportMetric(float64((timeOf(b, pid)-its).Nanoseconds())/objects, "program-ns/object")
	b.ReportMetric(float64(plugin.Status().Calls-calls)/float64(b.N), "calls/op")
}

// ownTime is the processor time of this process.
func ownTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// timeOf is the processor time of another process, in steps of 10 ms.
func timeOf(b *testing.B, pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip(err)
	}
	_, behind, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(behind) // from the third on
	var ticks int
	for _, at := range []int{14, 15} {
		n, err := strconv.Atoi(fields[at-3])
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

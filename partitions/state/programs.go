package state

import (
	"sync"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/expr"
	"github.com/ssmr/ssmr/internal/pgerror"
)

// program is a decoded program, ready for execution. Immutable.
type program struct {
	command.Program
	// needed are the columns that anything in the program but Set and
	// ConflictFilter refers to.
	needed datum.Columns
	// aggregated says that a read gives one row for each group.
	aggregated bool
	partials   int // width of all partial states together
	// unsteady says that Filter does not give the same for the same object (random()).
	// Who goes by what it accepts has read all objects.
	unsteady bool
}

var emptyProgram = &program{needed: datum.Columns{}}

func makeProgram(b []byte) (*program, error) {
	decoded, err := command.DecodeProgram(b)
	if err != nil {
		return nil, err
	}
	p := &program{Program: *decoded, aggregated: len(decoded.Aggregates)+len(decoded.GroupBy) > 0}
	used := make(map[int]bool)
	refer := func(e expr.Expr) {
		if e != nil {
			expr.Columns(e, used)
		}
	}
	refer(p.Filter)
	p.unsteady = p.Filter != nil && expr.VolatilityOf(p.Filter) == expr.Volatile
	for _, e := range p.Project {
		refer(e)
	}
	for _, e := range p.GroupBy {
		refer(e)
	}
	for _, a := range p.Aggregates {
		for _, e := range a.Exprs() {
			refer(e)
		}
		width := a.PartialWidth()
		if width == 0 {
			return nil, pgerror.New(pgerror.InternalError, "aggregate %s cannot be computed in parts", expr.FormatAggregate(a))
		}
		p.partials += width
	}
	p.needed = datum.Columns{}
	for c := range used {
		if c >= 0 && c < 1<<14 {
			p.needed = p.needed.With(c)
		}
	}
	for _, o := range p.OrderBy {
		if o.Column < 0 || o.Column >= len(p.Project) {
			return nil, pgerror.New(pgerror.InternalError, "a program sorts by column %d of %d", o.Column, len(p.Project))
		}
	}
	return p, nil
}

// programs keeps decoded programs by their bytes, and time zones by their names.
// It holds two generations, so that what is used stays. Nothing depends on what it
// holds but time.
type programs struct {
	limit int

	mu    sync.RWMutex // guards what follows
	young map[string]*program
	old   map[string]*program
	bytes int // of the keys of young
	zones map[string]*datum.Format
}

// programBytes bounds the bytes of the programs of one generation.
const programBytes = 8 << 20

func newPrograms(limit int) *programs {
	return &programs{limit: limit, young: make(map[string]*program), zones: make(map[string]*datum.Format)}
}

// get returns the program of the bytes. An error is for the client.
func (c *programs) get(b []byte) (*program, *pgerror.Error) {
	if len(b) == 0 {
		return emptyProgram, nil
	}
	c.mu.RLock()
	p := c.young[string(b)]
	old := c.old[string(b)]
	c.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	if p = old; p == nil {
		var err error
		if p, err = makeProgram(b); err != nil {
			return nil, asError(err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= c.limit || c.bytes+len(b) > programBytes {
		c.old, c.young, c.bytes = c.young, make(map[string]*program), 0
	}
	if _, there := c.young[string(b)]; !there {
		c.young[string(b)] = p
		c.bytes += len(b)
	}
	return p, nil
}

// maxZones bounds the time zones that are kept.
const maxZones = 1024

// format returns the settings of a session in a time zone.
func (c *programs) format(zone string) (*datum.Format, *pgerror.Error) {
	if zone == "" || zone == "UTC" {
		return nil, nil
	}
	c.mu.RLock()
	f := c.zones[zone]
	c.mu.RUnlock()
	if f != nil {
		return f, nil
	}
	loc, err := datum.ParseTimeZone(zone)
	if err != nil {
		return nil, asError(err)
	}
	f = &datum.Format{Location: loc}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.zones) >= maxZones {
		clear(c.zones)
	}
	c.zones[zone] = f
	return f, nil
}

// asError makes an error of evaluation one that a client may see.
func asError(err error) *pgerror.Error {
	if e := pgerror.As(err); e != nil {
		return e
	}
	return pgerror.New(pgerror.InternalError, "%v", err)
}

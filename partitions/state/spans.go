package state

import (
	"sort"

	"github.com/ssmr/ssmr/internal/command"
	"github.com/ssmr/ssmr/internal/datum"
	"github.com/ssmr/ssmr/internal/object"
)

// orderSpans returns the parts of the spans that lie within the table, ascending
// and without overlap. It does not change its argument.
func orderSpans(spans []command.Span, t object.TableID) []command.Span {
	lower := object.NewID(t, nil)
	upper := object.ID(datum.PrefixEnd([]byte(lower)))
	ordered := make([]command.Span, 0, len(spans))
	for _, s := range spans {
		s.Start = max(s.Start, lower)
		if upper != "" {
			s.End = min(s.End, upper)
		}
		if s.Start < s.End {
			ordered = append(ordered, s)
		}
	}
	sort.Slice(ordered, func(i, j int) bool { return ordered[i].Start < ordered[j].Start })
	merged := ordered[:0]
	for _, s := range ordered {
		if n := len(merged); n > 0 && s.Start <= merged[n-1].End {
			merged[n-1].End = max(merged[n-1].End, s.End)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// runSpans updates or deletes what is in the spans, up to the bounds of one entry.
func (o *writing) runSpans() error {
	spans := orderSpans(o.w.Spans, o.w.Table)
	for i, s := range spans {
		stopped, err := o.runSpan(s)
		if err != nil {
			return err
		}
		if stopped != "" {
			o.result.Rest = append([]command.Span{{Start: stopped, End: s.End}}, spans[i+1:]...)
			return nil
		}
	}
	return nil
}

// runSpan goes through one span. It returns where it stopped at a bound; empty
// where it did not.
func (o *writing) runSpan(s command.Span) (stopped object.ID, err error) {
	err = o.on.scan(s, func(c *objectCell, bytes int) (bool, error) {
		if o.spent.full() {
			stopped = c.id
			return false, nil
		}
		o.spent.scanned++
		o.spent.scannedBytes += bytes
		return true, o.change(c)
	})
	return stopped, err
}

// scan is of the interface ground. Cells have to be flushed before; the rows of those
// that are changed belong to the iterator until they are replaced, so that only drop
// can take them back.
func (x *entry) scan(s command.Span, each func(*objectCell, int) (bool, error)) (err error) {
	it, err := x.batch.NewIterator(appendObjectKey(nil, prefixObjects, s.Start), appendObjectKey(nil, prefixObjects, s.End))
	if err != nil {
		return storageError(err)
	}
	defer func() {
		if closeErr := it.Close(); err == nil {
			err = storageError(closeErr)
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		value := it.Value()
		r, err := decodeRecord(value)
		if err != nil {
			if it.Err() != nil {
				err = it.Err()
			}
			return storageError(err)
		}
		c := &objectCell{id: object.ID(it.Key()[1:]), present: true, record: r}
		more, err := each(c, len(value))
		if err != nil || !more {
			return err
		}
		if c.dirty {
			_, c.kept = x.m.cache.newest(c.id)
			x.objects[c.id] = c
		}
	}
	return storageError(it.Err())
}

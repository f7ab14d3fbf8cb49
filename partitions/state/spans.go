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
// The rows of its cells belong to the iterator until they are replaced, so that
// only drop can take them back.
func (o *writing) runSpans() error {
	o.x.flush()
	spans := orderSpans(o.w.Spans, o.w.Table)
	scanned, scannedBytes := 0, 0
	for i, s := range spans {
		stopped, err := o.runSpan(s, &scanned, &scannedBytes)
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
func (o *writing) runSpan(s command.Span, scanned, scannedBytes *int) (stopped object.ID, err error) {
	lower := appendObjectKey(nil, prefixObjects, s.Start)
	upper := appendObjectKey(nil, prefixObjects, s.End)
	it, err := o.x.batch.NewIterator(lower, upper)
	if err != nil {
		return "", storageError(err)
	}
	defer func() {
		if closeErr := it.Close(); err == nil {
			err = storageError(closeErr)
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		id := object.ID(it.Key()[1:])
		if *scanned >= maxSpanScanned || *scannedBytes >= maxSpanScannedBytes || o.changed >= maxSpanChanges ||
			o.bytes >= maxSpanChangedBytes || o.returned >= maxSpanReturned {
			return id, nil
		}
		value := it.Value()
		r, err := decodeRecord(value)
		if err != nil {
			if it.Err() != nil {
				err = it.Err()
			}
			return "", storageError(err)
		}
		*scanned++
		*scannedBytes += len(value)
		c := &objectCell{id: id, present: true, record: r}
		if err := o.change(c); err != nil {
			return "", err
		}
		if c.dirty {
			o.x.objects[id] = c
		}
	}
	return "", storageError(it.Err())
}

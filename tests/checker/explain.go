package checker

import "fmt"

// explain says in words why one transaction comes before another.
func (c *check) explain(s step) string {
	why := ""
	if s.kind == byTime {
		why = fmt.Sprintf("it completed at %d, before T%d was invoked at %d",
			c.history.Transactions[s.from].Complete, s.to, c.history.Transactions[s.to].Invoke)
	} else if k := &c.keys[s.key]; k.lists {
		why = explainList(k.name, s)
	} else {
		why = explainValue(k.name, s)
	}
	return fmt.Sprintf("  T%d before T%d: %s\n", s.from, s.to, why)
}

func explainList(key string, s step) string {
	switch s.kind {
	case ww:
		return fmt.Sprintf("it appended %d to %s, and T%d appended %d later", s.a, key, s.to, s.b)
	case wr:
		return fmt.Sprintf("T%d read %s with its %d", s.to, key, s.a)
	}
	return fmt.Sprintf("it read %s without the %d that T%d appended", key, s.b, s.to)
}

func explainValue(key string, s step) string {
	switch s.kind {
	case ww:
		return fmt.Sprintf("T%d read its %s = %d and wrote %d", s.to, key, s.a, s.b)
	case wr:
		return fmt.Sprintf("T%d read its %s = %d", s.to, key, s.a)
	case wwTime:
		return fmt.Sprintf("it wrote %s = %d, which by time came before the %d of T%d", key, s.a, s.b, s.to)
	}
	found := fmt.Sprint(s.a)
	if s.absent {
		found = "nothing"
	}
	if s.kind == rwTime {
		return fmt.Sprintf("it read %s = %s, which by time came before the %d of T%d", key, found, s.b, s.to)
	}
	return fmt.Sprintf("it read %s = %s, over which T%d wrote %d", key, found, s.to, s.b)
}

package checker_test

import (
	"fmt"

	"github.com/ssmr/ssmr/tests/checker"
)

func Example() {
	now := int64(0)
	rec := checker.NewRecorder(func() int64 { now++; return now })
	t := rec.Begin(1)
	t.Append("x", 17)
	t.Committed()
	u := rec.Begin(2)
	u.List("x", nil)
	u.Committed()
	fmt.Print(checker.Check(rec.History(), checker.Options{}))
	// Output:
	// G-single by time:
	//   T1: process 2, 3 to 4, committed: list x = []
	//   T0: process 1, 1 to 2, committed: append 17 to x
	//   T1 before T0: it read x without the 17 that T0 appended
	//   T0 before T1: it completed at 2, before T1 was invoked at 3
}

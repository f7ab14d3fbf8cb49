package expr_test

import (
	"fmt"
	"testing"

	"github.com/ssmr/ssmr/internal/expr"
)

// A UUID has all the bits that its source gives, but those that tell its version.
func TestRandFrom(t *testing.T) {
	numbers := []uint64{0x0123456789abcdef, 0xfedcba9876543210, 0}
	r := expr.RandFrom(func() uint64 {
		n := numbers[0]
		numbers = numbers[1:]
		return n
	})
	if got, want := fmt.Sprintf("%x", r.UUID()), "0123456789ab4defbedcba9876543210"; got != want {
		t.Errorf("the UUID is %s, not %s", got, want)
	}
	if len(numbers) != 1 {
		t.Errorf("%d numbers are left", len(numbers))
	}
}

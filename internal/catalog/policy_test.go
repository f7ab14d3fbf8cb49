package catalog

import (
	"maps"
	"strings"
	"testing"
)

func TestLabels(t *testing.T) {
	labels, err := ParseLabels(" region = eu,disk=ssd ,")
	if err != nil || !maps.Equal(labels, map[string]string{"region": "eu", "disk": "ssd"}) {
		t.Fatalf("%v, %v", labels, err)
	}
	if got := FormatLabels(labels); got != "disk=ssd, region=eu" {
		t.Errorf("formatted as %q", got)
	}
	for _, wrong := range []string{"region", "=eu", "region=", "a=b,c"} {
		if _, err := ParseLabels(wrong); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
}

func TestRulesAllow(t *testing.T) {
	rules := Rules{Require: map[string]string{"region": "eu", "disk": "ssd"}}
	for _, c := range []struct {
		limits PartitionLimits
		why    string
	}{
		{PartitionLimits{Labels: map[string]string{"region": "eu", "disk": "ssd", "x": "y"}}, ""},
		{PartitionLimits{Labels: map[string]string{"region": "us", "disk": "ssd"}}, "region=eu"},
		{PartitionLimits{}, "disk=ssd"},
		{PartitionLimits{Labels: map[string]string{"region": "eu", "disk": "ssd"}, Closed: true}, "accepts no objects"},
	} {
		why, ok := rules.Allows(3, &c.limits)
		if ok != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%+v: %q, %v", c.limits, why, ok)
		}
	}
}

package main

import (
	"context"
	"errors"
	"testing"

	"github.com/ssmr/ssmr/plugins/placement"
)

var people = placement.Table{Name: "person", Key: []string{"id"}, Columns: []placement.Column{{Name: "id", Type: "bigint"}, {Name: "country", Type: "text"}}}

func configured(t *testing.T, options placement.Options) geo {
	t.Helper()
	p, err := geo{}.Configure(options, people)
	if err != nil {
		t.Fatal(err)
	}
	return p.(geo)
}

func batch(objects ...placement.Object) *placement.Batch {
	return &placement.Batch{Table: &people, Objects: objects, Partitions: []placement.Partition{
		{ID: 1, Labels: map[string]string{"region": "eu"}}, {ID: 2, Labels: map[string]string{"region": "eu"}, Closed: true},
		{ID: 3, Labels: map[string]string{"region": "na"}}, {ID: 4},
	}}
}

func person(id, country string, home, current uint32) placement.Object {
	return placement.Object{Values: []placement.Value{{Text: id}, {Text: country, Null: country == ""}}, Home: home, Current: current}
}

func TestPlace(t *testing.T) {
	g := configured(t, placement.Options{"geo.map": "de=eu, us=na, br=sa"})
	placed, err := g.Place(context.Background(), batch(
		person("1", "de", 4, 0), person("2", " US ", 4, 0), person("3", "br", 4, 0), person("4", "jp", 4, 0), person("5", "", 4, 0)))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint32{1, 3, 4, 4, 4} {
		if placed[i].Partition != want || placed[i].Reason == "" {
			t.Errorf("person %d: %+v, want partition %d", i+1, placed[i], want)
		}
	}
}

func TestReplace(t *testing.T) {
	g := configured(t, placement.Options{"geo.map": "de=eu, us=na", "geo.default": "na"})
	placed, err := g.Replace(context.Background(), batch(
		person("1", "de", 4, 2), person("2", "de", 4, 3), person("3", "jp", 4, 1)))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []uint32{2, 1, 3} {
		if placed[i].Partition != want {
			t.Errorf("person %d: %+v, want partition %d", i+1, placed[i], want)
		}
	}
}

func TestWrongOptions(t *testing.T) {
	for _, options := range []placement.Options{
		{}, {"geo.map": "de"}, {"geo.map": "de="}, {"geo.map": "de=eu", "geo.column": "nation"}, {"geo.map": "de=eu", "geo.mop": "x"},
	} {
		var wrong *placement.OptionError
		if _, err := (geo{}).Configure(options, people); !errors.As(err, &wrong) {
			t.Errorf("%v: error %v", options, err)
		}
	}
}

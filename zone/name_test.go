package zone_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/zone"
)

func TestLongest(t *testing.T) {
	zones, err := zone.ParseNames([]string{"org", "example.org", "b.example.org", "com."})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, want, reason string }{
		{"a.example.org.", "example.org.", "the last of those that it is in"},
		{"b.example.org.", "b.example.org.", "a zone is in itself"},
		{"xb.example.org.", "example.org.", "whole labels"},
		{"org.", "org.", "the only one"},
		{"example.net.", "", "in none"},
		{".", "", "above all"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name, err := zone.ParseName(tt.name)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if z := zone.Longest(zones, []byte(name)); z != "" {
				got = z.String()
			}
			if got != tt.want {
				t.Errorf("%s: %q, want %q", tt.reason, got, tt.want)
			}
		})
	}
}

func TestParseNames(t *testing.T) {
	names, err := zone.ParseNames([]string{"a..b", "example.org", strings.Repeat("c", 64)})
	if err == nil || len(strings.Split(err.Error(), "\n")) != 2 {
		t.Errorf("error %v, want two", err)
	}
	want, err := zone.ParseName("example.org.")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]zone.Name{want}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

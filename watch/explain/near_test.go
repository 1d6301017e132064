package explain

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	tests := []struct {
		word, among string // the second between spaces
		want        string
		reason      string
	}{
		{"ngnix", "nginx web", "nginx", "two letters in the wrong order are one slip"},
		{"web", "wb", "wb", "one letter too many"},
		{"web", "wbe wb", "wb", "of two as near the first in order"},
		{"web", "api", "", "nothing like it"},
		{"db", "dba", "dba", "one letter"},
		{"db", "api", "", "all letters differ"},
		{"web-1", "web-0 web-2", "", "another of the same is no slip"},
		{"wbe-1", "web-0 web-1", "web-1", "a slip before the number"},
		{"a-long-service-name", "a-lnog-service-nam", "a-lnog-service-nam", "two slips in a long name"},
		{"a-long-service-name", "a-lnog-servce-nam", "", "three are too many"},
		{"web", "web", "", "it is the word itself"},
	}
	for _, tt := range tests {
		if got := nearest(tt.word, strings.Fields(tt.among)); got != tt.want {
			t.Errorf("nearest(%q, %q) = %q, want %q: %s", tt.word, tt.among, got, tt.want, tt.reason)
		}
	}
}

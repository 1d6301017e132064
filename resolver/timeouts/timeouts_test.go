package timeouts_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/timeouts"
)

func TestParse(t *testing.T) {
	wants := func(option, got string) string {
		return "Corefile:3: " + option + ": wants a duration from 1s to 24h, got " + got
	}
	tests := []struct {
		text   string
		want   timeouts.Config
		err    string
		reason string
	}{
		{"timeouts {\nread 1s\nwrite 1m30s\nidle 24h\n}",
			timeouts.Config{Read: time.Second, Write: 90 * time.Second, Idle: 24 * time.Hour}, "", "all, at their bounds"},
		{"timeouts {\nidle 20\n}", timeouts.Config{Idle: 20 * time.Second}, "", "a number is of seconds, the others are left"},
		{"timeouts", timeouts.Config{}, "Corefile:2: timeouts: wants at least one of read, write and idle in braces", "it would say nothing"},
		{"timeouts 5s", timeouts.Config{}, `Corefile:2: timeouts: takes no arguments, got "5s"`, "which of them?"},
		{"timeouts {\nread 999ms\n}", timeouts.Config{}, wants("read", `"999ms"`), "too short"},
		{"timeouts {\nread 0\n}", timeouts.Config{}, wants("read", `"0"`), "none is not allowed"},
		{"timeouts {\nwrite 24h1s\n}", timeouts.Config{}, wants("write", `"24h1s"`), "too long"},
		{"timeouts {\nidle -5\n}", timeouts.Config{}, wants("idle", `"-5"`), "negative"},
		{"timeouts {\nidle soon\n}", timeouts.Config{}, wants("idle", `"soon"`), "no duration"},
		{"timeouts {\nidle\n}", timeouts.Config{}, wants("idle", "none"), "a duration is needed"},
		{"timeouts {\nidle 5s\nidle 6s\n}", timeouts.Config{}, "Corefile:4: idle: is given already at Corefile:3", "which of them?"},
		{"timeouts {\nmaxtcpqueries 5\n}", timeouts.Config{}, "Corefile:3: maxtcpqueries: is not supported: a connection may carry any number of queries", "known and refused"},
		{"timeouts {\nlookup 5s\n}", timeouts.Config{}, `Corefile:3: unknown option "lookup" of timeouts (known: idle, maxtcpqueries, read, write)`, "a slip"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := timeouts.Parse(dnstest.Directive(t, tt.text))
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tt.err, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func ExampleParse() {
	f, err := corefile.Parse("Corefile", strings.NewReader(". {\n    timeouts {\n        idle 30s\n    }\n}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := timeouts.Parse(f.Blocks[0].Directives[0])
	fmt.Println(c.Idle, err)
	// Output: 30s <nil>
}

package reload_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/resolver/reload"
)

func parse(t testing.TB, text string) (reload.Config, error) {
	t.Helper()
	return reload.Parse(dnstest.Directive(t, text))
}

func TestParse(t *testing.T) {
	const usage = "at most an interval (2s or more) and a jitter (1s or more), as 30s 15s"
	tests := []struct{ text, want, reason string }{
		{"reload", "30s 15s", "CoreDNS's defaults"},
		{"reload 10s", "10s 5s", "a jitter is half of the interval at most"},
		{"reload 1m 2s", "1m0s 2s", "both"},
		{"reload 1s", `Corefile:2: reload: wants ` + usage + `, got "1s"`, "too often"},
		{"reload 5s 1ms", `Corefile:2: reload: wants ` + usage + `, got "1ms"`, "too little"},
		{"reload 5", `Corefile:2: reload: wants ` + usage + `, got "5"`, "no unit"},
		{"reload 5s 2s 1s", `Corefile:2: reload: wants ` + usage + `, got "5s" "2s" "1s"`, "too many"},
		{"reload {\nx\n}", `Corefile:3: reload takes no options in braces, got "x"`, "no options"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			c, err := parse(t, tt.text)
			got := fmt.Sprint(c.Interval, " ", c.Jitter)
			if err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.reason, got, tt.want)
			}
		})
	}
}

func TestNext(t *testing.T) {
	c := reload.Config{Interval: 10 * time.Second, Jitter: 2 * time.Second}
	seen := map[time.Duration]bool{}
	for range 1000 {
		d := c.Next()
		if d < 8*time.Second || d > 12*time.Second {
			t.Fatalf("%s is not within the jitter", d)
		}
		seen[d.Round(time.Second)] = true
	}
	if len(seen) != 5 {
		t.Errorf("waits %v, want all from 8 s to 12 s", seen)
	}
}

func ExampleParse() {
	f, err := corefile.Parse("Corefile", strings.NewReader(". {\n    reload 1m 10s\n}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := reload.Parse(f.Blocks[0].Directives[0])
	fmt.Println(c.Interval, c.Jitter, err)
	// Output: 1m0s 10s <nil>
}

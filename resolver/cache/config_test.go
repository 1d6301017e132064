package cache_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/resolver/cache"
	"github.com/rollcall-dns/rollcall/resolver/corefile"
)

func TestParse(t *testing.T) {
	s := func(n int) time.Duration { return time.Duration(n) * time.Second }
	tests := []struct {
		text   string
		want   cache.Config
		reason string
	}{
		{"cache", cache.Config{}, "all defaults"},
		{"cache 30", cache.Config{Success: cache.Store{MaxTTL: s(30)}, Denial: cache.Store{MaxTTL: s(30)}}, "kubeadm's"},
		{"cache Example.org 10.0.0.0/8", cache.Config{Zones: []string{"example.org.", "10.in-addr.arpa."}}, "zones without a TTL"},
		{
			"cache 30 {\ndisable success cluster.local\ndisable denial cluster.local\n}",
			cache.Config{Success: cache.Store{MaxTTL: s(30), Except: []string{"cluster.local."}}, Denial: cache.Store{MaxTTL: s(30), Except: []string{"cluster.local."}}},
			"kubeadm's since 1.32",
		},
		{
			"cache {\nsuccess 9984 30\ndenial 9984 5\n}",
			cache.Config{Success: cache.Store{Capacity: 9984, MaxTTL: s(30)}, Denial: cache.Store{Capacity: 9984, MaxTTL: s(5)}},
			"NodeLocal DNSCache's",
		},
		{
			"cache 60 {\nsuccess 2048 3600 10\ndenial 0 1800 0\n}",
			cache.Config{Success: cache.Store{Capacity: 2048, MaxTTL: s(3600), MinTTL: s(10)}, Denial: cache.Store{Capacity: 1024, MaxTTL: s(1800), MinTTL: -1}},
			"options go before the argument; a MINTTL of 0 is none; a capacity below the least is that",
		},
		{"cache {\nprefetch 2\n}", cache.Config{Prefetch: cache.Prefetch{Amount: 2}}, "the amount alone"},
		{
			"cache {\nprefetch 10 1h 20%\n}",
			cache.Config{Prefetch: cache.Prefetch{Amount: 10, Gap: time.Hour, Percentage: 20}}, "all of prefetch",
		},
		{"cache {\nserve_stale\n}", cache.Config{Stale: cache.Stale{For: time.Hour}}, "the default hour"},
		{"cache {\nserve_stale 20m VERIFY\n}", cache.Config{Stale: cache.Stale{For: 20 * time.Minute, Verify: true}}, "the mode in either case"},
		{
			"cache {\nserve_stale 1h immediate 30s 1m\n}",
			cache.Config{Stale: cache.Stale{For: time.Hour, TTL: s(30), Recheck: time.Minute}}, "all of immediate",
		},
		{
			"cache {\nserve_stale 1h verify 100ms 30s 5m\nserve_stale_policy prefer_positive\n}",
			cache.Config{Stale: cache.Stale{For: time.Hour, Verify: true, Timeout: 100 * time.Millisecond, TTL: s(30), Recheck: 5 * time.Minute, PreferPositive: true}},
			"all of verify",
		},
		{"cache {\nservfail 10s\n}", cache.Config{ServFail: s(10)}, "other than 5 s"},
		{"cache {\nservfail 0\n}", cache.Config{ServFail: -1}, "none is kept"},
		{
			"cache {\ndisable denial\ndisable success a.example\ndisable success b.example c.example\n}",
			cache.Config{Success: cache.Store{Except: []string{"a.example.", "b.example.", "c.example."}}, Denial: cache.Store{Except: []string{"."}}},
			"without zones all; lines add up",
		},
		{"cache {\nkeepttl\n}", cache.Config{KeepTTL: true}, "keepttl"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := parse(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	const storeUsage = "CAPACITY [TTL] [MINTTL]"
	tests := []struct{ text, want, reason string }{
		{"cache 0", `Corefile:2: cache: wants an integer, 1 to 2147483647, got "0"`, "nothing would be cached"},
		{"cache -5", `Corefile:2: cache: wants an integer, 1 to 2147483647, got "-5"`, "no time"},
		{"cache 4294967296", `Corefile:2: cache: wants an integer, 1 to 2147483647, got "4294967296"`, "CVE-2025-58063: more than a TTL holds"},
		{"cache {\nsuccess\n}", `Corefile:3: success: wants ` + storeUsage + `, got none`, "no capacity"},
		{"cache {\ndenial 1 2 3 4\n}", `Corefile:3: denial: wants ` + storeUsage + `, got "1" "2" "3" "4"`, "too many"},
		{"cache {\nsuccess many\n}", `Corefile:3: success: wants an integer, 0 to 2147483647, got "many"`, "no number"},
		{"cache {\nsuccess 1 0\n}", `Corefile:3: success: wants an integer, 1 to 2147483647, got "0"`, "no TTL"},
		{"cache {\nsuccess 1 1 -1\n}", `Corefile:3: success: wants an integer, 0 to 2147483647, got "-1"`, "no MINTTL"},
		{"cache {\nprefetch\n}", `Corefile:3: prefetch: wants AMOUNT [DURATION] [PERCENTAGE%], got none`, "no amount"},
		{"cache {\nprefetch -1\n}", `Corefile:3: prefetch: wants an integer, 0 to 2147483647, got "-1"`, "no amount"},
		{"cache {\nprefetch 1 soon\n}", `Corefile:3: prefetch: wants a duration such as 5s, 1m30s or 0s, got "soon"`, "no duration"},
		{"cache {\nprefetch 1 1m 10\n}", `Corefile:3: prefetch: wants a percentage from 10% to 90%, got "10"`, "the sign is mandatory"},
		{"cache {\nprefetch 1 1m 9%\n}", `Corefile:3: prefetch: wants a percentage from 10% to 90%, got "9%"`, "too little"},
		{"cache {\nserve_stale -1s\n}", `Corefile:3: serve_stale: wants a duration such as 5s, 1m30s or 0s, got "-1s"`, "negative"},
		{"cache {\nserve_stale 1h later\n}", `Corefile:3: serve_stale: wants immediate or verify, got "later"`, "no such mode"},
		{"cache {\nserve_stale 1h immediate 1500ms\n}", `Corefile:3: serve_stale: wants a TTL of whole seconds, got "1500ms"`, "TTLs are seconds"},
		{"cache {\nserve_stale 1h verify 1s 1s 6m\n}", `Corefile:3: serve_stale: wants at most 5m0s before it is asked again (RFC 8767 section 5), got "6m"`, "too long"},
		{"cache {\nserve_stale 1h immediate 1s 1s 1s\n}", `Corefile:3: serve_stale: wants [DURATION] [immediate [TTL [RECHECK]] | verify [TIMEOUT [TTL [RECHECK]]]], got "1s" there`, "no timeout without verify"},
		{"cache {\nserve_stale_policy prefer_positive\n}", `Corefile:3: serve_stale_policy: wants serve_stale beside it`, "alone it means nothing"},
		{"cache {\nserve_stale\nserve_stale_policy any\n}", `Corefile:4: serve_stale_policy: wants prefer_positive, got "any"`, "no such policy"},
		{"cache {\nservfail 6m\n}", `Corefile:3: servfail: at most 5m0s are allowed (RFC 2308 section 7.1), got "6m"`, "too long"},
		{"cache {\ndisable\n}", `Corefile:3: disable: wants success or denial, and zones, got none`, "which?"},
		{"cache {\ndisable error\n}", `Corefile:3: disable: wants success or denial first, got "error"`, "no such store"},
		{"cache {\nkeepttl 5\n}", `Corefile:3: keepttl: takes no arguments, got "5"`, "a switch"},
		{"cache {\ncapacity 5\n}", `Corefile:3: unknown option "capacity" of cache (known: denial, disable, keepttl, prefetch, serve_stale, serve_stale_policy, servfail, success)`, "a slip"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			_, err := parse(t, tt.text)
			if err == nil {
				t.Fatalf("no error; %s", tt.reason)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func ExampleParse() {
	f, err := corefile.Parse("Corefile", strings.NewReader(". {\n    cache 30 {\n        prefetch 5\n    }\n}\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := cache.Parse(f.Blocks[0].Directives[0])
	fmt.Println(c.Success.MaxTTL, c.Denial.MaxTTL, c.Prefetch.Amount, err)
	// Output: 30s 30s 5 <nil>
}

package cache_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/resolver/cache"
)

// TestTTL asks at several times, in milliseconds, and says what the TTL is then.
// "asked" is for a reply that the other server gave just now.
func TestTTL(t *testing.T) {
	answer := func(ttl string) []string { return []string{"www.example.com. " + ttl + " IN A 192.0.2.7"} }
	denied := func(ttl, minimum string) []string {
		return []string{"", "example.com. " + ttl + " IN SOA ns.example.com. a.example.com. 1 2 3 4 " + minimum}
	}
	tests := []struct {
		name, directive string
		rcode           int
		sections        []string
		at              []int
		want            []string
		reason          string
	}{
		{"own", "cache", 0, answer("60"), []int{0, 999, 1000, 59999, 60000}, []string{"60 asked", "60", "59", "1", "60 asked"}, "it counts down to 1, and ends"},
		{"most", "cache 30", 0, answer("3600"), []int{0, 1000, 29999, 30000}, []string{"30 asked", "29", "1", "30 asked"}, "the first reply has no more either"},
		{"default most", "cache", 0, answer("86400"), []int{0, 3599000, 3600000}, []string{"3600 asked", "1", "3600 asked"}, "an hour"},
		{"success", "cache 30 {\nsuccess 2048 10\n}", 0, answer("60"), []int{0, 9000, 10000}, []string{"10 asked", "1", "10 asked"}, "the option goes before the argument"},
		{"least", "cache", 0, answer("2"), []int{0, 1000, 4999, 5000}, []string{"2 asked", "1", "0", "2 asked"}, "kept for 5 s, and never said to be younger than it is"},
		{"zero", "cache", 0, answer("0"), []int{0, 4999, 5000}, []string{"0 asked", "0", "0 asked"}, "likewise"},
		{"no least", "cache {\nsuccess 2048 60 0\n}", 0, answer("0"), []int{0, 0}, []string{"0 asked", "0 asked"}, "a TTL of 0 is not kept"},
		{"least over most", "cache 2", 0, answer("1"), []int{0, 1999, 2000}, []string{"1 asked", "0", "1 asked"}, "the most wins"},
		{"negative number", "cache 30", 0, answer("4294967295"), []int{0, 4999, 5000}, []string{"5 asked", "1", "5 asked"}, "RFC 2181 section 8: it counts as 0"},
		{"least of all", "cache", 0, []string{"www.example.com. 60 IN A 192.0.2.7", "example.com. 20 IN NS ns.example.com.", "ns.example.com. 10 IN A 192.0.2.1"},
			[]int{0, 9999, 10000}, []string{"10 asked", "1", "10 asked"}, "one record that is over ends all"},
		{"denial", "cache", dns.RcodeNameError, denied("60", "60"), []int{0, 59999, 60000}, []string{"60 asked", "1", "60 asked"}, "NXDOMAIN"},
		{"minimum", "cache", dns.RcodeNameError, denied("60", "10"), []int{0, 9999, 10000}, []string{"10 asked", "1", "10 asked"}, "RFC 2308 section 5: the SOA's minimum"},
		{"SOA's own", "cache", 0, denied("10", "60"), []int{0, 9999, 10000}, []string{"10 asked", "1", "10 asked"}, "RFC 2308 section 5: or its TTL"},
		{"short denial", "cache 30", dns.RcodeNameError, denied("5", "1"), []int{0, 999, 1000}, []string{"1 asked", "1", "1 asked"}, "what does not exist yet is not waited for longer than its zone says"},
		{"least denial", "cache {\ndenial 2048 60 5\n}", dns.RcodeNameError, denied("60", "1"), []int{0, 4999, 5000}, []string{"5 asked", "1", "5 asked"}, "unless configured"},
		{"most denial", "cache", dns.RcodeNameError, denied("86400", "86400"), []int{0, 1799000, 1800000}, []string{"1800 asked", "1", "1800 asked"}, "half an hour"},
		{"SERVFAIL", "cache", dns.RcodeServerFailure, []string{""}, []int{0, 4999, 5000}, []string{"- asked", "-", "- asked"}, "5 s"},
		{"SERVFAIL longer", "cache {\nservfail 1m\n}", dns.RcodeServerFailure, []string{""}, []int{0, 59999, 60000}, []string{"- asked", "-", "- asked"}, "as configured"},
		{"keepttl", "cache 30 {\nkeepttl\n}", 0, answer("60"), []int{0, 29999, 30000}, []string{"30 asked", "30", "30 asked"}, "not counted down, but it ends"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := new(upstream)
				u.set(t, tt.rcode, tt.sections...)
				h := start(t, tt.directive, u)
				began := time.Now()
				var got []string
				for _, at := range tt.at {
					time.Sleep(time.Until(began.Add(time.Duration(at) * time.Millisecond)))
					before := u.count()
					m := ask(t, h, "www.example.com.", dns.TypeA)
					line := "-"
					for _, rr := range append(m.Answer, m.Ns...) {
						line = fmt.Sprint(rr.Header().Ttl)
						break
					}
					if u.count() > before {
						line += " asked"
					}
					got = append(got, line)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
				}
			})
		})
	}
}

// TestClockBack: a time from before a reply was kept, as a goroutine that was held
// up has it, makes no TTL greater or less.
func TestClockBack(t *testing.T) {
	now := time.Now()
	u := new(upstream)
	u.set(t, 0, a60)
	h := startWith(t, "cache", cache.Deps{Next: u, Now: func() time.Time { return now }})
	ask(t, h, "www.example.com.", dns.TypeA)
	now = now.Add(-time.Hour)
	if m := ask(t, h, "www.example.com.", dns.TypeA); u.count() != 1 || m.Answer[0].Header().Ttl != 60 {
		t.Errorf("asked %d times, then %s", u.count(), text(m))
	}
}

// FuzzTTL: whatever TTLs a server gives and whenever it is asked, no TTL that is
// given is more than the most, or than what the server gave, less the time gone.
func FuzzTTL(f *testing.F) {
	f.Add(uint32(60), uint32(3600), uint32(1), uint16(0), uint16(30), uint16(5), uint16(10))
	f.Add(uint32(0), uint32(0), uint32(0), uint16(3), uint16(30), uint16(5), uint16(4))
	f.Add(uint32(1<<31), uint32(1<<32-1), uint32(1<<31), uint16(0), uint16(65535), uint16(65535), uint16(0))
	f.Fuzz(func(t *testing.T, first, second, minimum uint32, rcode, most, least, later uint16) {
		most = max(most, 1)
		now := time.Now()
		u := new(upstream)
		answer := fmt.Sprintf("www.example.com. %d IN A 192.0.2.7\nwww.example.com. %d IN A 192.0.2.8", first, second)
		authority := fmt.Sprintf("example.com. %d IN SOA ns.example.com. a.example.com. 1 2 3 4 %d", second, minimum)
		if rcode%2 == 0 {
			u.set(t, 0, answer, authority)
		} else {
			u.set(t, dns.RcodeNameError, "", authority)
		}
		h := startWith(t, fmt.Sprintf("cache %d {\nsuccess 1024 %d %d\ndenial 1024 %d %d\nserve_stale 10s\n}", most, most, least, most, least),
			cache.Deps{Next: u, Now: func() time.Time { return now }})
		given := map[string]uint32{}
		for _, s := range []string{answer, authority} {
			for _, rr := range records(t, s) {
				given[rr.String()[len(rr.Header().String()):]] = rr.Header().Ttl
			}
		}
		for _, age := range []uint32{0, uint32(later)} {
			now = now.Add(time.Duration(age) * time.Second)
			before := u.count()
			m := ask(t, h, "www.example.com.", dns.TypeA)
			if u.count() != before {
				age = 0
			}
			for _, rr := range append(m.Answer, m.Ns...) {
				ttl := rr.Header().Ttl
				limit := min(given[rr.String()[len(rr.Header().String()):]], uint32(most))
				if ttl > limit-min(limit, age) {
					t.Fatalf("%s after %d s; the most is %d", rr, age, limit)
				}
			}
		}
	})
}

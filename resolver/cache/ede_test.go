package cache_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// TestExtendedError has an upstream say why, beside what it says (RFC 8914): its
// word goes with the reply, at first and from the cache.
func TestExtendedError(t *testing.T) {
	tests := []struct {
		name     string
		rcode    int
		sections []string
		code     int // -1 for none
		want     []string
		reason   string
	}{
		{"capped", 0, []string{"www.example.com. 3600 IN A 192.0.2.7"}, 4, []string{"192.0.2.7 30 EDE 4", "192.0.2.7 30 EDE 4"}, "the TTL is another then"},
		{"as it came", 0, []string{"www.example.com. 30 IN A 192.0.2.7"}, 4, []string{"192.0.2.7 30 EDE 4", "192.0.2.7 30 EDE 4"}, "an answer"},
		{"denied", dns.RcodeNameError, []string{"", soa60}, 15, []string{"NXDOMAIN EDE 15", "NXDOMAIN EDE 15"}, "a filter tells that it is one"},
		{"failed", dns.RcodeServerFailure, nil, 6, []string{"SERVFAIL EDE 6", "SERVFAIL EDE 6"}, "DNSSEC Bogus says more than Cached Error"},
		{"failed, nobody knows why", dns.RcodeServerFailure, nil, -1, []string{"SERVFAIL", "SERVFAIL EDE 13"}, "RFC 8914 section 4.14"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := new(upstream)
				u.set(t, tt.rcode, tt.sections...)
				if reply := u.reply; tt.code >= 0 {
					u.reply = func(m *dns.Msg) *dns.Msg {
						m = reply(m)
						m.SetEdns0(1232, false)
						m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: uint16(tt.code), ExtraText: "why"}}
						return m
					}
				}
				h := start(t, "cache 30 {\nserve_stale 1h\n}", u)
				for _, want := range tt.want {
					expect(t, h, want, tt.reason)
				}
				if u.count() != 1 {
					t.Errorf("asked %d times, want once", u.count())
				}
				if tt.name == "capped" {
					time.Sleep(time.Minute)
					expect(t, h, "192.0.2.7 0 EDE 3", "that it is stale comes first")
					synctest.Wait()
				}
			})
		})
	}
}

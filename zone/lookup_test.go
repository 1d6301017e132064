package zone

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestLookup(t *testing.T) {
	s := newZone(t, testConfig(), append(explainWorld(), large("big", 200)...)...).Snapshot()
	tests := []struct {
		ask     string
		outcome Outcome
		records int
		reason  string
	}{
		{"db.default.svc.cluster.local A", Success, 1, "the ready one"},
		{"big.default.svc.cluster.local A", Success, 200, "nothing is truncated"},
		{"away.default.svc.cluster.local A", Leaves, 1, "a CNAME alone"},
		{"to.default.svc.cluster.local A", NameError, 1, "a CNAME to what does not exist"},
		{"wbe.default.svc.cluster.local A", NameError, 0, "no such Service"},
		{"db.default.svc.cluster.local AAAA", NoData, 0, "of the other family"},
		{"example.com A", NotOurs, 0, "in no zone"},
	}
	for _, tt := range tests {
		f := strings.Fields(tt.ask)
		outcome, records, err := s.Lookup(names(f[0])[0], dns.StringToType[f[1]])
		if err != nil || outcome != tt.outcome || len(records) != tt.records {
			t.Errorf("%s: %s with %d records, error %v; want %s with %d: %s", tt.ask, outcomeNames[outcome], len(records), err, outcomeNames[tt.outcome], tt.records, tt.reason)
		}
	}
	if _, _, err := s.Lookup(names("cluster.local")[0], dns.TypeOPT); err == nil {
		t.Error("no error for a type that no question may have (RFC 6895 section 3.1)")
	}
}

func TestParseType(t *testing.T) {
	tests := []struct {
		text   string
		typ    uint16
		ok     bool
		reason string
	}{
		{"A", dns.TypeA, true, "a mnemonic"},
		{"aaaa", dns.TypeAAAA, true, "in any case"},
		{"TYPE257", dns.TypeCAA, true, "RFC 3597 section 5"},
		{"257", 0, false, "a number alone"},
		{"TYPE0", 0, false, "RFC 6895 section 3.1"},
		{"TYPE65536", 0, false, "more than 16 bits"},
		{"OPT", 0, false, "no type of records that may be asked for"},
		{"AXFR", 0, false, "a transfer is no question for records"},
		{"", 0, false, "nothing"},
	}
	for _, tt := range tests {
		if typ, ok := ParseType(tt.text); ok != tt.ok || ok && typ != tt.typ {
			t.Errorf("%q: %d, %t; want %d, %t: %s", tt.text, typ, ok, tt.typ, tt.ok, tt.reason)
		}
	}
}

package peers_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/test/dnsquery"
	"github.com/rollcall-dns/rollcall/test/peers"
)

// TestRecursive has Unbound find a name from the root down, tell of it, and do so
// again when it was stopped and started.
func TestRecursive(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	files := map[string]string{}
	for apex, text := range map[string]string{
		".":                "$TTL 60\n. SOA ns. admin. 1 60 60 60 60\n. NS ns.\nns. A 192.0.2.1\nexample. NS ns.\n",
		"example.":         "$TTL 60\nexample. SOA ns. admin. 1 60 60 60 60\nexample. NS ns.\nwww.example. A 192.0.2.7\n",
		"10.in-addr.arpa.": "$TTL 60\n@ SOA ns. admin. 1 60 60 60 60\n@ NS ns.\n1.2.3.10.in-addr.arpa. PTR www.example.\n",
	} {
		files[apex] = filepath.Join(dir, apex+"zone")
		if err := os.WriteFile(files[apex], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	authority, err := peers.Knot(ctx, dir, files, peers.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(authority.Process.Kill)
	zones := map[string]netip.AddrPort{}
	for apex := range files {
		zones[apex] = authority.Addr
	}
	u, err := peers.Recursive(ctx, t.TempDir(), peers.Recursion{
		Zones: zones, Lines: []string{`local-zone: "no.example." always_refuse`},
	}, peers.Options{Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Process.Kill() })
	for range 2 {
		tests := []struct {
			question      dnsquery.Question
			rcode, answer string
			reason        string
		}{
			{dnsquery.Question{Name: "www.example", Type: "A"}, "NOERROR", "www.example. 60 A 192.0.2.7", "resolved"},
			{dnsquery.Question{Name: "1.2.3.10.in-addr.arpa", Type: "PTR"}, "NOERROR", "1.2.3.10.in-addr.arpa. 60 PTR www.example.", "a private network's reverse zone"},
			{dnsquery.Question{Name: "x.no.example", Type: "A"}, "REFUSED", "", "as its configuration says"},
		}
		for _, tt := range tests {
			answer, err := u.Dig(ctx, tt.question)
			if err != nil {
				t.Fatal(err)
			}
			if got := append(answer.Answer, ""); answer.Rcode != tt.rcode || got[0] != tt.answer || !answer.Has("ra") {
				t.Errorf("%s: got %+v, want %s %q", tt.reason, answer, tt.rcode, tt.answer)
			}
		}
		tcp := dns.Client{Net: "tcp", Timeout: 5 * time.Second}
		if _, _, err := tcp.Exchange(new(dns.Msg).SetQuestion("tcp.example.", dns.TypeTXT), u.Addr.String()); err != nil {
			t.Fatal(err)
		}
		if n, err := u.Count(ctx, "num.query.tcp"); n != 1 || err != nil {
			t.Errorf("it counts %d questions over TCP, %v; want 1", n, err)
		}
		if err := u.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := u.Start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	asked := u.Asked()
	if n := len(slices.DeleteFunc(asked, func(q string) bool { return q != "tcp.example. TXT" })); n != 2 {
		t.Errorf("it was asked %d times, want 2: %q", n, u.Asked())
	}
}

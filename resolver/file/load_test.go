package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/file"
)

// TestErrors is of files that are no zones. FILE is where the file is, DIR its
// folder.
func TestErrors(t *testing.T) {
	tests := []struct{ text, want, reason string }{
		{tiny(1) + "a IN A 192.0.2.300\n", `FILE:2: bad A A: "192.0.2.300"`, "the line of a bad record"},
		{tiny(1) + "a IN NOTYPE x\n", `FILE:2: not a TTL: "NOTYPE"`, "an unknown type"},
		{"a 60 IN A 192.0.2.1\n", "FILE: zone example.org.: no SOA record", "RFC 1035 section 5.2: a zone has one"},
		{tiny(1) + "a 60 IN NSEC3PARAM 1 0 1 -\n", "FILE: a.example.org.: NSEC3 is not supported, sign with NSEC", "as in CoreDNS"},
		{tiny(1) + "$INCLUDE gone\n", "FILE:2: failed to open `gone' as `DIR/gone'", "an included file that is not there"},
		{tiny(1) + "$INCLUDE db\n", "too deeply nested $INCLUDE", "a file that includes itself"},
		{tiny(1) + "$INCLUDE bad\n", `DIR/bad:1: bad A A: "x"`, "the line of the included file"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			dir := t.TempDir()
			path := write(t, filepath.Join(dir, "db"), tt.text)
			write(t, filepath.Join(dir, "bad"), "a 60 IN A x\n")
			_, err := file.New([]file.Config{{File: path, Zones: []string{"example.org."}, Reload: time.Minute}}, nil)
			want := strings.NewReplacer("FILE", path, "DIR", dir).Replace(tt.want)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", tt.reason, err, want)
			}
		})
	}
}

// TestNotOpened is of a file that can't be opened at the start.
func TestNotOpened(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, "/dev/null", filepath.Join(dir, "gone")} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			c := file.Config{File: path, Zones: []string{"example.org."}}
			if _, err := file.New([]file.Config{c}, nil); err == nil {
				t.Error("no error, though it is not looked for again")
			}
			log := new(lines)
			c.Reload, c.Logger = time.Hour, log.logger()
			h, err := file.New([]file.Config{c}, nil)
			if err != nil {
				t.Fatal("an error, though it is looked for again: ", err)
			}
			defer h.Close()
			if got := rcode(t, h, "example.org."); got != "SERVFAIL" || log.count(path) == 0 {
				t.Errorf("%s, want SERVFAIL; logged: %s", got, log.buf.String())
			}
		})
	}
}

// TestDirectives is of what a zone file can say beside records.
func TestDirectives(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "parts"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "parts", "hosts"), "h IN A 192.0.2.7\n$INCLUDE more\n")
	write(t, filepath.Join(dir, "parts", "more"), "m IN A 192.0.2.8\n")
	path := write(t, filepath.Join(dir, "db"), "$TTL 1h\n"+tiny(1)+`
$INCLUDE parts/hosts in
$ORIGIN deep.example.org.
@ IN A 192.0.2.9
$GENERATE 1-2 n$ A 192.0.2.1$
`)
	h, err := file.New([]file.Config{{File: path, Zones: []string{"example.org.", "example.net."}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	tests := []struct{ name, want, reason string }{
		{"h.in.example.org.", "192.0.2.7", "$INCLUDE, relative to the file, with its origin"},
		{"m.in.example.org.", "192.0.2.8", "and in that one another"},
		{"deep.example.org.", "192.0.2.9", "$ORIGIN"},
		{"n2.deep.example.org.", "192.0.2.12", "$GENERATE"},
		{"h.in.example.net.", "192.0.2.7", "the same file for another zone"},
		{"deep.example.net.", "", "but what is not in it is left out"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			for _, rr := range dnstest.Serve(t, h, dnstest.Question(tt.name, dns.TypeA)).Answer {
				got += rr.(*dns.A).A.String()
			}
			if got != tt.want {
				t.Errorf("%s: %q, want %q", tt.reason, got, tt.want)
			}
		})
	}
}

// TestGenerateTTL pins what TTL $GENERATE gives: the manual tells of it.
func TestGenerateTTL(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "db"), "$TTL 60\n"+tiny(1)+"$GENERATE 1-1 own$ 5 A 192.0.2.1\n$GENERATE 1-1 both$ 5 IN A 192.0.2.1\n$GENERATE 1-1 none$ A 192.0.2.1\nplain A 192.0.2.1\n")
	h, err := file.New([]file.Config{{File: path, Zones: []string{"example.org."}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	tests := []struct {
		name   string
		want   uint32
		reason string
	}{
		{"plain.example.org.", 60, "RFC 2308 section 4: $TTL"},
		{"own1.example.org.", 5, "its own"},
		{"both1.example.org.", 5, "before the class"},
		{"none1.example.org.", 3600, "the parser's: what is documented, and should be once it is $TTL's"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := dnstest.Serve(t, h, dnstest.Question(tt.name, dns.TypeA))
			if len(m.Answer) != 1 || m.Answer[0].Header().Ttl != tt.want {
				t.Errorf("%s: want the TTL %d\n%v", tt.reason, tt.want, m)
			}
		})
	}
}

// TestFaults is of records that are not served as they are written.
func TestFaults(t *testing.T) {
	tests := []struct{ text, name, want, log, reason string }{
		{"x 60 IN CNAME a\nx 60 IN A 192.0.2.1\na 60 IN A 192.0.2.2\n", "x.example.org.",
			"NOERROR aa\nx.example.org. 60 IN CNAME a.example.org.\na.example.org. 60 IN A 192.0.2.2",
			"x.example.org.: records beside a CNAME record", "RFC 1034 section 3.6.2: the CNAME record wins, as in CoreDNS"},
		{"x 60 IN CNAME a\nx 60 IN CNAME b\na 60 IN A 192.0.2.2\n", "x.example.org.",
			"NOERROR aa\nx.example.org. 60 IN CNAME a.example.org.\na.example.org. 60 IN A 192.0.2.2",
			"x.example.org.: a second CNAME record is left out", "RFC 2181 section 10.1"},
		{"x.example.net. 60 IN A 192.0.2.1\n", "x.example.org.",
			"NXDOMAIN aa\nns: example.org. 60 IN SOA ns. admin. 1 1 1 1 60",
			"x.example.net.: a record outside of the zone is left out", "a zone has its own names"},
		{"x 60 CH A 192.0.2.1\n", "x.example.org.",
			"NXDOMAIN aa\nns: example.org. 60 IN SOA ns. admin. 1 1 1 1 60",
			"x.example.org.: a record that is not of class IN is left out", "RFC 1035 section 5.2: one class"},
		{"@ 60 IN SOA ns. admin. 2 1 1 1 60\n", "x.example.org.",
			"NXDOMAIN aa\nns: example.org. 60 IN SOA ns. admin. 1 1 1 1 60",
			"example.org.: a second SOA record is left out", "RFC 1035 section 5.2: one SOA record"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			log := new(lines)
			h := start(t, tiny(1)+tt.text, func(c *file.Config) { c.Logger = log.logger() }, nil)
			if diff := cmp.Diff(tt.want, show(dnstest.Serve(t, h, dnstest.Question(tt.name, dns.TypeA)))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if log.count(tt.log) != 1 {
				t.Errorf("not logged once: %s\n%s", tt.log, log.buf.String())
			}
		})
	}
}

// TestSOABelow is of a zone whose file begins further down, as one does that is
// named in the block of the root without its zone.
func TestSOABelow(t *testing.T) {
	log := new(lines)
	text := "$ORIGIN example.org.\n$TTL 60\n" + tiny(1, "a") + "@ IN NS a\n"
	h := start(t, text, func(c *file.Config) { c.Zones, c.Logger = []string{"."}, log.logger() }, nil)
	tests := []struct{ name, want string }{
		{"a.example.org.", "NOERROR aa\na.example.org. 60 IN A 192.0.2.1"},
		{"b.example.org.", "NXDOMAIN aa\nns: example.org. 60 IN SOA ns. admin. 1 1 1 1 60"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, show(dnstest.Serve(t, h, dnstest.Question(tt.name, dns.TypeA)))); diff != "" {
				t.Errorf("its SOA record is taken, as CoreDNS does (-want +got):\n%s", diff)
			}
		})
	}
	if log.count("the SOA record is not at .") != 1 {
		t.Errorf("not logged once:\n%s", log.buf.String())
	}
}

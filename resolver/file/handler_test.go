package file_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/resolver/file"
)

// passed is a next handler that an EDE tells of.
var passed = resolver.HandlerFunc(func(_ *resolver.Query, r *resolver.Reply) resolver.Outcome {
	r.SetRcode(wire.Rcode(dns.RcodeNotImplemented))
	return resolver.Coded
})

// tiny returns a zone file with a serial, and an A record for each name.
func tiny(serial int, names ...string) string {
	text := fmt.Sprintf("@ 60 IN SOA ns. admin. %d 1 1 1 60\n", serial)
	for _, n := range names {
		text += n + " 60 IN A 192.0.2.1\n"
	}
	return text
}

// rcode returns the rcode that a question for addresses gets.
func rcode(t *testing.T, h resolver.Handler, name string) string {
	t.Helper()
	return dns.RcodeToString[dnstest.Serve(t, h, dnstest.Question(name, dns.TypeA)).Rcode]
}

func TestZones(t *testing.T) {
	dir := t.TempDir()
	config := func(name string, zones ...string) file.Config {
		return file.Config{File: filepath.Join(dir, name), Zones: zones}
	}
	write(t, filepath.Join(dir, "a"), tiny(1, "a"))
	write(t, filepath.Join(dir, "b"), tiny(1, "b"))
	h, err := file.New([]file.Config{config("a", "example.org.", "twice.test."), config("b", "sub.example.org.", "twice.test.")}, passed)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	tests := []struct{ name, want, reason string }{
		{"a.example.org.", "NOERROR", "of the first directive"},
		{"b.sub.example.org.", "NOERROR", "of the second, whose zone is longer"},
		{"a.sub.example.org.", "NXDOMAIN", "and has all that is below"},
		{"b.twice.test.", "NOERROR", "the last directive has the zone"},
		{"a.twice.test.", "NXDOMAIN", "and the first has not"},
		{"a.example.net.", "NOTIMP", "none of the zones: the next handler's"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := rcode(t, h, tt.name); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.reason, got, tt.want)
			}
		})
	}
	m := dnstest.Question("a.example.org.", dns.TypeA)
	m.Question[0].Qclass = dns.ClassCHAOS
	if r := dnstest.Serve(t, h, m); r.Rcode != dns.RcodeNotImplemented {
		t.Errorf("class CH is the next handler's: %v", r)
	}
}

func TestFallthrough(t *testing.T) {
	tests := []struct {
		zones              []string
		name, want, reason string
	}{
		{nil, "none.example.org.", "NXDOMAIN", "by default nothing does"},
		{[]string{"."}, "none.example.org.", "NOTIMP", "a name that does not exist"},
		{[]string{"."}, "b.ent.example.org.", "NOTIMP", "nor has an empty non-terminal a record"},
		{[]string{"."}, "wild.example.org.", "NOTIMP", "nor that above a wildcard"},
		{[]string{"."}, "_sip._tcp.example.org.", "NOERROR", "NODATA of a name with records stays"},
		{[]string{"."}, "mail.example.org.", "NOERROR", "an answer stays"},
		{[]string{"."}, "astray.example.org.", "NXDOMAIN", "a CNAME record is an answer"},
		{[]string{"."}, "x.sub.example.org.", "NOERROR", "a referral stays"},
		{[]string{"b.ent.example.org."}, "none.example.org.", "NXDOMAIN", "not in these zones"},
		{[]string{"b.ent.example.org."}, "c.b.ent.example.org.", "NOTIMP", "in these zones"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.zones, " ")+" "+tt.name, func(t *testing.T) {
			h := start(t, org, func(c *file.Config) { c.Fallthrough = tt.zones }, passed)
			if got := rcode(t, h, tt.name); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.reason, got, tt.want)
			}
		})
	}
}

// TestLater is of a CNAME record that leads to a name that takes long.
func TestLater(t *testing.T) {
	h := start(t, tiny(1)+"x 60 IN CNAME later.test.\n", nil, nil)
	waits := resolver.HandlerFunc(func(q *resolver.Query, r *resolver.Reply) resolver.Outcome {
		if string(q.Name()) != "\x05later\x04test\x00" {
			return h.Serve(q, r)
		}
		if !q.MayWait() {
			return resolver.Later
		}
		return resolver.Refuse{}.Serve(q, r)
	})
	x, packet := dnstest.Exchange(), dnstest.Pack(t, dnstest.Question("x.example.org.", dns.TypeA))
	responder := resolver.Responder{Handler: waits}
	if out := responder.Respond(x, packet, nil); len(out) > 0 || !x.Later() {
		t.Fatalf("without a Context: %x, later %v", out, x.Later())
	}
	x.Query.Context = context.Background()
	want := "NOERROR aa\nx.example.org. 60 IN CNAME later.test."
	if diff := cmp.Diff(want, show(dnstest.Unpack(t, responder.Respond(x, packet, nil)))); diff != "" {
		t.Errorf("with one (-want +got):\n%s", diff)
	}
}

// TestSizes is of what 512 octets do not hold.
func TestSizes(t *testing.T) {
	var servers, addrs string
	for i := range 20 {
		servers += fmt.Sprintf("sub IN NS ns%d.sub\n", i)
		addrs += fmt.Sprintf("ns%d.sub IN A 192.0.2.1\nns%d.sub IN AAAA 2001:db8::1\nmany IN A 192.0.2.%d\nmany IN MX 1 ns%d.sub\n", i, i, i, i)
	}
	h := start(t, "$TTL 60\n"+tiny(1)+servers+addrs, nil, nil)
	tests := []struct {
		name   string
		typ    uint16
		tc     bool
		reason string
	}{
		{"x.sub.example.org.", dns.TypeA, true, "RFC 9471 section 3.1: glue is needed"},
		{"many.example.org.", dns.TypeMX, false, "RFC 2181 section 9: other additional records are not"},
		{"many.example.org.", dns.TypeA, false, "a set that fits"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if m := dnstest.Serve(t, h, dnstest.Question(tt.name, tt.typ)); m.Truncated != tt.tc {
				t.Errorf("%s: %v", tt.reason, m)
			}
		})
	}
}

// lines are what was logged.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// count returns how often text was logged.
func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// replace makes a file of text at once, as a mounted ConfigMap's is.
func replace(t *testing.T, path, text string) {
	t.Helper()
	if err := os.Rename(write(t, path+".new", text), path); err != nil {
		t.Fatal(err)
	}
}

func TestReload(t *testing.T) {
	dnstest.NoLeaks(t)
	log := new(lines)
	path := filepath.Join(t.TempDir(), "db")
	h, err := file.New([]file.Config{{File: path, Zones: []string{"example.org."}, Reload: time.Millisecond, Logger: log.logger()}}, passed)
	if err != nil {
		t.Fatal("a file that is not there yet, but looked for: ", err)
	}
	defer h.Close()
	if got := rcode(t, h, "a.example.org."); got != "SERVFAIL" {
		t.Errorf("before the file is there: %s", got)
	}
	becomes := func(name, want string) {
		t.Helper()
		dnstest.Eventually(t, name+" is "+want, func() bool { return rcode(t, h, name) == want })
	}
	replace(t, path, tiny(1, "a"))
	becomes("a.example.org.", "NOERROR")
	replace(t, path, tiny(2, "b"))
	becomes("b.example.org.", "NOERROR")
	if got := rcode(t, h, "a.example.org."); got != "NXDOMAIN" {
		t.Errorf("what the new file has not: %s", got)
	}
	replace(t, path, tiny(3, "c")+"d 60 IN A 192.0.2\n")
	const broken = "db:3: bad A A"
	dnstest.Eventually(t, "the broken file is logged with its line", func() bool { return log.count(broken) > 0 })
	if got := rcode(t, h, "b.example.org."); got != "NOERROR" {
		t.Errorf("with a broken file the old zone stays: %s", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	// If it goes between a look and its reading, that is logged before, as another error.
	dnstest.Eventually(t, "the missing file is logged", func() bool { return log.count("stat "+path+": no such file") == 2 })
	if got := rcode(t, h, "b.example.org."); got != "NOERROR" {
		t.Errorf("with a missing file, too: %s", got)
	}
	if n := log.count(broken); n != 1 {
		t.Errorf("the broken file was logged %d times, want once", n)
	}
	replace(t, path, tiny(3, "c"))
	becomes("c.example.org.", "NOERROR")
}

// TestSerial is of what tells that a file has changed.
func TestSerial(t *testing.T) {
	tests := []struct {
		byTime       bool
		serial       int
		want, reason string
	}{
		{false, 1, "NXDOMAIN", "with the same serial it is the same zone"},
		{false, 2, "NOERROR", "with another it is not"},
		{false, 0, "NOERROR", "even if that is less: whoever wrote it meant it"},
		{true, 1, "NOERROR", "reload_by_mtime asks for no serial"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			path := ""
			h := start(t, tiny(1, "a"), func(c *file.Config) { c.ByTime, path = tt.byTime, c.File }, passed)
			replace(t, path, tiny(tt.serial, "b"))
			if err := file.Refresh(h); err != nil {
				t.Fatal(err)
			}
			if got := rcode(t, h, "b.example.org."); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.reason, got, tt.want)
			}
		})
	}
}

// TestWhileReloading is for the race detector.
func TestWhileReloading(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "db"), org)
	h, err := file.New([]file.Config{{File: path, Zones: []string{"example.org."}, Reload: time.Millisecond}}, world)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := range 300 {
				name := []string{"mail", "x.wild", "alias", "x.sub", "host.dn", "none"}[i%6] + ".example.org."
				if m := dnstest.Serve(t, h, dnstest.Question(name, dns.TypeA)); len(m.Answer)+len(m.Ns) == 0 {
					t.Errorf("%s: %v", name, m)
				}
			}
		})
	}
	for i := range 20 {
		replace(t, path, strings.Replace(org, " 7 7200", fmt.Sprintf(" %d 7200", 8+i), 1))
		time.Sleep(time.Millisecond)
	}
	wg.Wait()
}

package log_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/log"
)

func TestParse(t *testing.T) {
	const known = "common, combined, /log/class, /log/type, >bufsize, >do, >id, >opcode, >rflags, class, duration, local, name, port, proto, rcode, remote, rsize, size, type"
	tests := []struct{ text, want, reason string }{
		{"log", ". 7 " + log.Common, "all, in the common format"},
		{"log Example.org", "example.org. 7 " + log.Common, "one name"},
		{"log a b \"{name}\"", "a. 7 {name}; b. 7 {name}", "names and a format"},
		{"log . {combined}", ". 7 {combined}", "a format by its name"},
		{"log {name}", ". 7 {name}", "a format alone"},
		{"log . \"{\\\"n\\\":\\\"{name}\\\"}\"", `. 7 {"n":"{name}"}`, "JSON around placeholders"},
		{"log . {/kubernetes/namespace}", ". 7 {/kubernetes/namespace}", "metadata"},
		{"log 10.0.0.0/8", "10.in-addr.arpa. 7 " + log.Common, "a network"},
		{"log {\nclass denial error\n}", ". 6 " + log.Common, "some classes"},
		{"log a {name} {\nclass denial\nclass success\n}", "a. 3 {name}", "classes add up"},
		{"log {\nclass all denial\n}", ". 7 " + log.Common, "all has it all"},
		{"log . {nmae}", "Corefile:2: log: unknown placeholder {nmae} (known: " + known + ")", "a slip"},
		{"log a b", "a. 7 " + log.Common + "; b. 7 " + log.Common, "names alone"},
		{"log a..b", `Corefile:2: log: "a..b" is not a zone: labels must have 1 to 63 bytes, and the name 255 at most`, "a bad name"},
		{"log {\nclass\n}", "Corefile:3: class: wants one or more of all, denial, error, success, got none", "no class"},
		{"log {\nclass nxdomain\n}", `Corefile:3: class: wants one or more of all, denial, error, success, got "nxdomain"`, "no such class"},
		{"log {\nclasses all\n}", `Corefile:3: unknown option "classes" of log (known: class)`, "a slip"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			c, err := log.Parse(dnstest.Directive(t, tt.text))
			var rules []string
			for _, r := range c.Rules {
				rules = append(rules, fmt.Sprint(r.Zone, " ", uint8(r.Classes), " ", r.Format))
			}
			got := strings.Join(rules, "; ")
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

// values returns those of an ordinary query.
func values() *log.Values {
	return &log.Values{
		Remote: netip.MustParseAddrPort("[::1]:50759"), Local: netip.MustParseAddr("192.0.2.1"), Proto: "udp",
		ID: 29008, Name: []byte("eXample.org."), Type: dns.TypeA, Class: dns.ClassINET, Size: 41, BufSize: 4096,
		Rcode: dns.RcodeSuccess, Flags: 0x85a0, ReplySize: 68, AnswerClass: log.Denial, AnswerType: "NODATA",
		Duration: 37990251 * time.Nanosecond,
	}
}

func TestFormat(t *testing.T) {
	tests := []struct {
		format string
		change func(*log.Values)
		want   string
		reason string
	}{
		{"{common}", nil, `[::1]:50759 - 29008 "A IN eXample.org. udp 41 false 4096" NOERROR qr,aa,rd,ra,ad 68 0.037990251s`, "the form that log readers know"},
		{"{combined}", func(v *log.Values) { v.Opcode = 4 }, `[::1]:50759 - 29008 "A IN eXample.org. udp 41 false 4096" NOERROR qr,aa,rd,ra,ad 68 0.037990251s "4"`, "with the opcode"},
		{"{/log/class} {/log/type} {/other}", nil, "denial NODATA -", "metadata of its own, and of others"},
		{"{local}", nil, "192.0.2.1", "IPv4 without brackets"},
		{"{local}", func(v *log.Values) { v.Local = netip.Addr{} }, "-", "not known"},
		{"{remote}", func(v *log.Values) { v.Remote = netip.MustParseAddrPort("[::ffff:192.0.2.7]:1") }, "192.0.2.7", "an IPv4 client of an IPv6 socket"},
		{"{rcode} {>rflags} {rsize} {/log/class} {/log/type}|{name}", func(v *log.Values) { v.NoReply = true }, "- - - - -|eXample.org.", "no reply was sent"},
		{"{rcode} {type} {class}", func(v *log.Values) { v.Rcode, v.Type, v.Class = 4000, 65280, 250 }, "4000 TYPE65280 CLASS250", "RFC 3597 section 5"},
		{"{rcode}", func(v *log.Values) { v.Rcode = dns.RcodeBadVers }, dns.RcodeToString[dns.RcodeBadVers], "an extended rcode"},
		{"{>rflags}.", func(v *log.Values) { v.Flags = 0 }, ".", "no flags"},
		{"{>rflags}", func(v *log.Values) { v.Flags = 0xffff }, "qr,aa,tc,rd,ra,z,ad,cd", "all flags"},
		{`{"n":"{name}","do":{>do}}`, func(v *log.Values) { v.DO = true }, `{"n":"eXample.org.","do":true}`, "JSON"},
		{"{ } {} }{ {{name}}", nil, "{ } {} }{ {eXample.org.}", "braces that are text"},
		{"", nil, "", "nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.format, func(t *testing.T) {
			f, err := log.ParseFormat(tt.format)
			if err != nil {
				t.Fatal(err)
			}
			v := values()
			if tt.change != nil {
				tt.change(v)
			}
			if diff := cmp.Diff("> "+tt.want, string(f.Append([]byte("> "), v))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestFormatAllocs(t *testing.T) {
	f, err := log.ParseFormat("{combined} {local} {/log/class} {/log/type} {/other}")
	if err != nil {
		t.Fatal(err)
	}
	v, dst := values(), make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(100, func() { dst = f.Append(dst[:0], v) }); n != 0 {
		t.Errorf("a line takes %v allocations, want 0", n)
	}
}

func FuzzParseFormat(f *testing.F) {
	for _, s := range []string{log.Common, log.Combined, "{common}", "{/x}", "{>id", "}{name}{"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		format, err := log.ParseFormat(s)
		if err != nil {
			return
		}
		if line := string(format.Append(nil, values())); !strings.Contains(s, "{") && line != s {
			t.Errorf("text %q without placeholders came out as %q", s, line)
		}
	})
}

func ExampleFormat_Append() {
	f, err := log.ParseFormat("{proto} {name} {type} {rcode}")
	if err != nil {
		fmt.Println(err)
		return
	}
	line := f.Append(nil, &log.Values{
		Proto: "udp", Name: []byte("web-0.nginx.default.svc.cluster.local."), Type: 1, Rcode: 3,
	})
	fmt.Println(string(line))
	// Output: udp web-0.nginx.default.svc.cluster.local. A NXDOMAIN
}

package assemble_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/server"
)

// The zones of these tests, each with the name www and the address of its number.
const (
	everywhere = "all.example"
	second     = "second.example"
	third      = "third.example"
)

// besides returns a Corefile with a server block for each zone, on the address that
// it is given; "" is all.
func besides(port string, hosts ...string) string {
	var text strings.Builder
	for i, zone := range []string{everywhere, second, third}[:len(hosts)] {
		fmt.Fprintf(&text, "%s:%s {\nhosts /dev/null {\n192.0.2.%d www.%[1]s\nreload 0s\n}\n", zone, port, i+1)
		if hosts[i] != "" {
			fmt.Fprintf(&text, "bind %s\n", hosts[i])
		}
		text.WriteString("}\n")
	}
	return text.String()
}

// address asks a host for www in a zone, by UDP and by TCP, and returns what both
// say: its address, or an rcode.
func address(t testing.TB, host, port, zone string) string {
	t.Helper()
	var said []string
	for _, network := range []string{"udp", "tcp"} {
		m := dnstest.Ask(t, network, net.JoinHostPort(host, port), dnstest.Question("www."+zone+".", dns.TypeA))
		if len(m.Answer) > 0 {
			said = append(said, m.Answer[0].(*dns.A).A.String())
		} else {
			said = append(said, dns.RcodeToString[m.Rcode])
		}
	}
	if said[0] != said[1] {
		t.Fatalf("www.%s at %s is %s by UDP and %s by TCP", zone, host, said[0], said[1])
	}
	return said[0]
}

// TestBeside has one port on all addresses for some zones, and on single addresses
// for others.
func TestBeside(t *testing.T) {
	dnstest.NoLeaks(t)
	port := freePort(t)
	var file changing
	file.set(besides(port, "", "127.0.0.2"))
	p := startChanging(t, file.get)
	p.addr()
	p.addr()
	const refused = "REFUSED"
	tests := []struct {
		name   string
		hosts  []string // of the Corefile, see besides
		says   string   // at a reload; empty for none
		host   string
		want   [3]string // of each zone
		reason string
	}{
		{"all", nil, "", "127.0.0.1", [3]string{"192.0.2.1", refused, refused}, "no other block has it"},
		{"one", nil, "", "127.0.0.2", [3]string{refused, "192.0.2.2", refused}, "ip(7): the socket of the very address"},
		{"another", []string{"", "127.0.0.2", "127.0.0.3"}, changed, "127.0.0.3", [3]string{refused, refused, "192.0.2.3"}, "this process has the port"},
		{"all, still", nil, "", "127.0.0.1", [3]string{"192.0.2.1", refused, refused}, "its socket is the same"},
		{"one goes", []string{"", "127.0.0.2", "127.0.0.2"}, changed, "127.0.0.2", [3]string{refused, "192.0.2.2", "192.0.2.3"}, "its block moves"},
		{"comes again", []string{"", "127.0.0.2", "127.0.0.3"}, changed, "127.0.0.3", [3]string{refused, refused, "192.0.2.3"}, "once it has been drained"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.says != "" {
				file.set(besides(port, tt.hosts...))
				p.hangUp(tt.says)
			}
			for i, zone := range []string{everywhere, second, third} {
				if got := address(t, tt.host, port, zone); got != tt.want[i] {
					t.Errorf("%s: www.%s at %s is %s, want %s", tt.reason, zone, tt.host, got, tt.want[i])
				}
			}
		})
	}
	t.Run("a second process", func(t *testing.T) { refusedStart(t, besides(port, "", "127.0.0.2")) })
	t.Run("a second process on one address", func(t *testing.T) { refusedStart(t, besides(port, "127.0.0.4")) })
}

// refusedStart has a Corefile not be served, as its port is taken.
func refusedStart(t *testing.T, text string) {
	t.Helper()
	plan, err := load(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Run(t.Context(), assemble.Process{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("it ran: %v", err)
	}
}

// TestBesideOthers has another server on one of the addresses, that would share it.
func TestBesideOthers(t *testing.T) {
	dnstest.NoLeaks(t)
	for _, host := range []string{"127.0.0.2", "127.0.0.4", ""} {
		t.Run(host, func(t *testing.T) {
			taken, err := server.ListenBeside("tcp", net.JoinHostPort(host, "0"))
			if err != nil {
				t.Fatal(err)
			}
			defer taken.Close()
			refusedStart(t, besides(port(t, taken), "", "127.0.0.2"))
		})
	}
}

// TestBesideLater adds an address beside one whose socket shares its port with nobody.
func TestBesideLater(t *testing.T) {
	dnstest.NoLeaks(t)
	tests := []struct{ name, before, after, says string }{
		{"one to all", "", "127.0.0.2", "bind: address already in use: this process still has :%s, which only a restart frees"},
		{"all to one", "127.0.0.2", "", "bind: address already in use: this process still has 127.0.0.2:%s, which only a restart frees"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			port := freePort(t)
			var file changing
			file.set(besides(port, tt.before))
			p := startChanging(t, file.get)
			p.addr()
			file.set(besides(port, tt.before, tt.after))
			p.hangUp(kept)
			if says := fmt.Sprintf(tt.says, port); !strings.Contains(p.log(), says) {
				t.Errorf("the log does not say %q:\n%s", says, p.log())
			}
			host := tt.before
			if host == "" {
				host = "127.0.0.1"
			}
			if got := address(t, host, port, everywhere); got != "192.0.2.1" {
				t.Errorf("www.%s is %s", everywhere, got)
			}
		})
	}
}

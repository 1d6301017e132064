package bind_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/bind"
)

// parse parses the directive on a line of its own.
func parse(t *testing.T, text string) (bind.Config, error) {
	t.Helper()
	return bind.Parse(dnstest.Directive(t, text))
}

// errBroken is what the interface "broken" gives.
var errBroken = errors.New("broken")

// interfaces is a Lookup of made-up interfaces.
func interfaces(name string) ([]netip.Addr, bool, error) {
	switch name {
	case "eth0":
		return []netip.Addr{
			netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("fe80::1%eth0"),
		}, true, nil
	case "down":
		return nil, true, nil
	case "broken":
		return nil, false, errBroken
	}
	return nil, false, nil
}

func TestAddrs(t *testing.T) {
	tests := []struct{ text, want, reason string }{
		{"bind 127.0.0.1 ::1", "127.0.0.1 ::1", "addresses as they are"},
		{"bind ::ffff:127.0.0.1 127.0.0.1", "127.0.0.1", "one address, two spellings"},
		{"bind eth0 127.0.0.1", "192.0.2.1 2001:db8::1 fe80::1%eth0 127.0.0.1", "an interface is all its addresses"},
		{"bind eth0 {\nexcept 2001:db8::1\nexcept fe80::1%eth0\n}", "192.0.2.1", "some of an interface's addresses"},
		{"bind 127.0.0.1 192.0.2.1 {\nexcept eth0\n}", "127.0.0.1", "an interface can be excepted"},
		{"bind 127.0.0.1 {\nexcept 127.0.0.1\n}", "bind [127.0.0.1] leaves no address to listen on", "else it would listen on all"},
		{"bind down", "bind [down] leaves no address to listen on", "an interface without addresses"},
		{"bind eth1", `bind: "eth1" is neither an IP address nor an interface of this machine`, "a slip"},
		{"bind eth0 {\nexcept eth1\n}", `bind: "eth1" is neither an IP address nor an interface of this machine`, "a slip"},
		{"bind broken", "addresses of interface broken: broken", "the system's error"},
		{"bind", "Corefile:2: bind: wants one or more of an IP address or an interface's name, got none", "nothing named"},
		{"bind ::1 {\nexcept\n}", "Corefile:3: except: wants one or more of an IP address or an interface's name, got none", "nothing excepted"},
		{"bind ::1 {\nbut ::2\n}", `Corefile:3: unknown option "but" of bind (known: except)`, "a slip"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			var addrs []netip.Addr
			c, err := parse(t, tt.text)
			if err == nil {
				addrs, err = c.Addrs(interfaces)
			}
			got := strings.Trim(fmt.Sprint(addrs), "[]")
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestInterface(t *testing.T) {
	addrs, ok, err := bind.Interface("lo")
	if err != nil || !ok || !slices.Contains(addrs, netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("lo: %v, %v, %v", addrs, ok, err)
	}
	if addrs, ok, err := bind.Interface("no-such-one"); err != nil || ok {
		t.Errorf("no-such-one: %v, %v, %v", addrs, ok, err)
	}
}

func ExampleConfig_Addrs() {
	c := bind.Config{Addresses: []string{"127.0.0.1", "::1"}, Except: []string{"::1"}}
	fmt.Println(c.Addrs(bind.Interface))
	// Output: [127.0.0.1] <nil>
}

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/test/dnsquery"
	"github.com/rollcall-dns/rollcall/test/process"
)

// A row is a question and the whole answer to it. Names without a last dot are
// relative to the test's namespace, below svc.cluster.local.
type row struct {
	ask    string   // "NAME TYPE"
	want   []string // the answer section, "NAME TYPE DATA" each, in any order
	extra  []string // the additional section, likewise
	rcode  string   // NOERROR if empty
	reason string
}

const nxdomain = "NXDOMAIN"

// within is how long a change may take to arrive: through a controller or two,
// on a machine that is busy with other tests.
const within = 30 * time.Second

// verify waits until the server answers every row exactly, over UDP and TCP.
func verify(t *testing.T, namespace string, rows ...row) {
	t.Helper()
	eventually(t, "", func(ctx context.Context) error {
		for _, r := range rows {
			for _, tcp := range []bool{false, true} {
				if err := r.check(ctx, namespace, tcp); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// eventually calls check until it succeeds, and fails the test after a while.
func eventually(t *testing.T, what string, check func(context.Context) error) {
	t.Helper()
	if err := process.Within(t.Context(), within, check); err != nil {
		t.Fatal(strings.TrimPrefix(what+": "+err.Error(), ": "))
	}
}

func (r row) check(ctx context.Context, namespace string, tcp bool) error {
	name, typ, _ := strings.Cut(r.ask, " ")
	q := dnsquery.Question{Name: absolute(name, namespace), Type: typ, TCP: tcp}
	got, err := server.Dig(ctx, q)
	if err != nil {
		return err
	}
	problem := func(format string, args ...any) error {
		return fmt.Errorf("%s (%s): "+format, slices.Concat([]any{q, r.reason}, args)...)
	}

	want := dnsquery.Answer{
		Rcode:      r.rcode,
		Question:   q.Name + " " + typ,
		Answer:     expand(r.want, namespace),
		Additional: expand(r.extra, namespace),
	}
	if want.Rcode == "" {
		want.Rcode = "NOERROR"
	}
	if !got.Has("aa") || got.Has("tc") {
		return problem("flags %v, want aa and not tc", got.Flags)
	}
	if len(r.want) == 0 {
		if err := negative(got.Authority, q.Name); err != nil {
			return problem("%w", err)
		}
		got.Authority = nil
	}
	got.Flags = nil
	for _, section := range [][]string{got.Answer, got.Additional} {
		for i, line := range section {
			section[i] = anyWeight(line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		return problem("(-want +got):\n%s", diff)
	}
	return nil
}

// negative checks the authority section of an answer without records: the SOA
// of the zone, for caches to know how long that holds (RFC 2308 section 3).
func negative(authority []string, name string) error {
	if len(authority) != 1 {
		return fmt.Errorf("authority section %q, want one SOA", authority)
	}
	f := strings.Fields(authority[0])
	if len(f) != 10 || f[2] != "SOA" || !dns.IsSubDomain(f[0], name) {
		return fmt.Errorf("authority section %q, want the SOA of a zone that %s is in", authority, name)
	}
	if *peer != "rollcall" {
		return nil // CoreDNS gives its SOA the TTL of the records
	}
	for _, field := range []string{f[1], f[9]} {
		if seconds, err := strconv.Atoi(field); err != nil || seconds > 1 {
			return fmt.Errorf("SOA %q: its TTL and its minimum may be at most 1", authority[0])
		}
	}
	return nil
}

// absolute makes a name absolute.
func absolute(name, namespace string) string {
	if strings.HasSuffix(name, ".") {
		return name
	}
	return name + "." + namespace + ".svc.cluster.local."
}

// expand writes lines as dig prints them: absolute names, TTLs, sorted.
func expand(lines []string, namespace string) (full []string) {
	for _, line := range lines {
		f := strings.Fields(line)
		f[0] = absolute(f[0], namespace)
		switch last := len(f) - 1; f[1] {
		case "SRV", "PTR", "CNAME":
			f[last] = absolute(f[last], namespace)
		}
		full = append(full, anyWeight(strings.Join(slices.Insert(f, 1, strconv.Itoa(ttl)), " ")))
	}
	slices.Sort(full)
	return full
}

// anyWeight leaves an SRV record's weight out of the comparison: the
// specification prescribes none, and the weights of a set only matter by their
// proportion.
func anyWeight(line string) string {
	if f := strings.Fields(line); len(f) == 7 && f[2] == "SRV" {
		f[4] = "*"
		return strings.Join(f, " ")
	}
	return line
}

// reverse is the name of an address' PTR record.
func reverse(address string) string {
	name, err := dns.ReverseAddr(address)
	if err != nil {
		panic(err) // an address that a test spells out, or the API server validated
	}
	return name
}

// addr is the type and data of an address' record.
func addr(address string) string {
	if netip.MustParseAddr(address).Is4() {
		return "A " + address
	}
	return "AAAA " + address
}

// dashed is the label of an endpoint without hostname.
func dashed(address string) string {
	return strings.NewReplacer(".", "-", ":", "-").Replace(address)
}

// apply applies manifests in the test's namespace.
func apply(t *testing.T, namespace, manifests string) {
	t.Helper()
	if err := shared.Apply(t.Context(), namespace, manifests); err != nil {
		t.Fatal(err)
	}
}

// search is the search path of a pod in the namespace.
func search(namespace string) []string {
	return []string{namespace + ".svc.cluster.local", "svc.cluster.local", "cluster.local"}
}

// lookup is one call of Go's resolver and what it has to find. SRV records are
// "PORT TARGET", in any order.
type lookup struct {
	kind, name string
	want       []string
}

// verifyStub waits until Go's resolver finds exactly what is wanted, over UDP
// and TCP. Names go through the search path, so that most questions meet
// NXDOMAIN first.
func verifyStub(t *testing.T, namespace string, lookups ...lookup) {
	t.Helper()
	verifySearch(t, search(namespace), lookups...)
}

func verifySearch(t *testing.T, path []string, lookups ...lookup) {
	t.Helper()
	var ask []dnsquery.Lookup
	var want []dnsquery.Found
	for _, l := range lookups {
		ask = append(ask, dnsquery.Lookup{Kind: l.kind, Name: l.name})
		values := slices.Clone(l.want)
		slices.Sort(values)
		want = append(want, dnsquery.Found{Values: values, NotFound: len(values) == 0})
	}
	eventually(t, "Go's resolver", func(ctx context.Context) error {
		for _, tcp := range []bool{false, true} {
			got, err := server.Stub(ctx, path, tcp, ask...)
			if err != nil {
				return err
			}
			for i, f := range got {
				if lookups[i].kind != "srv" {
					continue
				}
				for j, v := range f.Values { // without priority and weight
					f.Values[j] = strings.Join(strings.Fields(v)[2:], " ")
				}
				slices.Sort(f.Values)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				return fmt.Errorf("lookups %v, tcp %v (-want +got):\n%s", ask, tcp, diff)
			}
		}
		return nil
	})
}

var errNotYet = errors.New("not yet")

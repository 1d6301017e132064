package clients

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// A row is a name that a program in a pod of the Namespace default looks up, and
// what every client must make of it.
type row struct {
	kind   string   // srv or ptr; empty for addresses
	name   string   // as the program writes it
	full   string   // the name it comes to, for clients without a search path
	want   []string // nothing for a name that has none
	reason string
	// but lists clients that do otherwise, for a reason of their own.
	but map[string]exception
}

// An exception is what another outcome than a row's comes of.
type exception struct {
	partly bool // some of what the row wants is found, rather than nothing
	reason string
}

const inShop = ".shop.svc.cluster.local"

// rows are all names, those of the cluster first.
func rows() []row {
	return []row{
		{
			name: "web", full: "web.default.svc.cluster.local", want: []string{"10.96.1.1"},
			reason: "The first of the search path. The Service has one family, so AAAA is NODATA. At NXDOMAIN musl and nginx would take the name for missing.",
		},
		{
			name: "web.shop", full: "web" + inShop, want: []string{"10.96.1.2"},
			reason: "The second of the search path: `web.shop.default.svc.cluster.local` is NXDOMAIN for both types. musl ends the search at anything else.",
		},
		{name: "web.shop.svc", full: "web" + inShop, want: []string{"10.96.1.2"}, reason: "The third of the search path."},
		{
			name: "web" + inShop, full: "web" + inShop, want: []string{"10.96.1.2"},
			reason: "Four dots are fewer than `ndots:5`: it is asked for below every part of the search path first.",
		},
		{name: "web" + inShop + ".", full: "web" + inShop, want: []string{"10.96.1.2"}, reason: "A final dot: one question for each type."},
		{name: "WEB.Shop", full: "WEB.Shop.svc.cluster.local", want: []string{"10.96.1.2"}, reason: "Names ignore case. The question comes back in the case that it had."},
		{name: "six.shop", full: "six" + inShop, want: []string{"fd00:10:96::3"}, reason: "A is NODATA where there is only AAAA."},
		{name: "dual.shop", full: "dual" + inShop, want: []string{"10.96.1.4", "fd00:10:96::4"}, reason: "Both families."},
		{
			name: "db.shop", full: "db" + inShop, want: []string{"10.244.1.10", "10.244.1.11", "fd00:10:244:1::10"},
			reason: "A headless Service: its ready endpoints.",
		},
		{name: "db-0.db.shop", full: "db-0.db" + inShop, want: []string{"10.244.1.10", "fd00:10:244:1::10"}, reason: "A pod of a StatefulSet."},
		{name: "db-1.db.shop", full: "db-1.db" + inShop, want: []string{"10.244.1.11"}, reason: "A pod with an address of one family beside pods with both."},
		{name: "10-244-1-10.shop.pod", full: "10-244-1-10.shop.pod.cluster.local", want: []string{"10.244.1.10"}, reason: "A pod by its address (`pods insecure`): below the third of the search path."},
		{
			name: "many.shop", full: "many" + inShop, want: manyAddresses(),
			reason: "More than a datagram holds: the reply has TC, and the rest comes over TCP. What did fit is in it, for those who make do with that.",
			but: map[string]exception{
				"musl": {partly: true, reason: "before 1.2.4 it does not ask again over TCP, and it never takes more than 48"},
			},
		},
		{name: "nobody.shop", full: "nobody" + inShop, reason: "There is no such Service: NXDOMAIN for both types."},
		{name: "idle.shop", full: "idle" + inShop, reason: "A headless Service without a ready endpoint: NXDOMAIN for both types."},
		{name: "svc", full: "svc.cluster.local", reason: "`svc.cluster.local` exists and has no records: NODATA."},

		{name: "alias.shop", full: "alias" + inShop, want: []string{"10.96.1.1"}, reason: "A CNAME, then what it leads to in the cluster: in this order, which glibc needs."},
		{name: "outside.shop", full: "outside" + inShop, want: []string{"203.0.113.10", "2001:db8::10"}, reason: "A CNAME that leads out of the cluster. Clients do not ask for what it leads to, so the reply has that, too."},
		{name: "hops.shop", full: "hops" + inShop, want: []string{"203.0.113.10", "2001:db8::10"}, reason: "A CNAME that leads to another outside, in this order."},

		{name: "host.example.org", full: "host.example.org", want: []string{"203.0.113.10", "2001:db8::10"}, reason: "The world outside: each name of the search path is NXDOMAIN, and no upstream is asked for it."},
		{
			name: "www.example.org", full: "www.example.org", want: []string{"203.0.113.2"},
			reason: "NODATA from an upstream has RA. glibc and Go take a reply without RA, AA and records for that of a server which does not know.",
		},
		{name: "alias.example.org.", full: "alias.example.org", want: []string{"203.0.113.10", "2001:db8::10"}, reason: "A CNAME of the world outside."},
		{name: "a.b.c.d.example.org", full: "a.b.c.d.example.org", want: []string{"203.0.113.11"}, reason: "As many dots as `ndots` says: it is asked for as it is first."},
		{name: "nobody.example.org", full: "nobody.example.org", reason: "NXDOMAIN from an upstream."},

		{
			name: "google.com.", full: "google.com", want: []string{"203.0.113.80"},
			reason: "The Namespace `com` has a Service `google`; a name with its final dot goes out all the same.",
		},
		{
			name: "google.com", full: "google.com.svc.cluster.local", want: []string{"10.96.1.5"},
			reason: "Without the dot the search path leads to that Service. Who may make Namespaces that are called like top-level domains can take over names of the world outside.",
		},
		{
			name: "api.svc", full: "api.svc", want: []string{"203.0.113.81"},
			reason: "No Namespace is called `api`, so `api.svc.cluster.local` is NXDOMAIN, and the search goes on. At NODATA it would end in musl.",
		},
		{
			name: "shop.svc", full: "shop.svc", want: []string{"203.0.113.82"},
			reason: "The Namespace `shop` exists, so `shop.svc.cluster.local` is NODATA: there are names below it.",
			but: map[string]exception{
				"musl":      {reason: "it ends the search at NODATA"},
				"dnspython": {reason: "it ends the search at NODATA"},
			},
		},

		{
			kind: "srv", name: "_pg._tcp.db.shop", full: "_pg._tcp.db" + inShop,
			want: []string{"0/5432/db-0.db" + inShop, "0/5432/db-1.db" + inShop}, reason: "The endpoints of a named port.",
		},
		{kind: "srv", name: "_http._tcp.web.shop", full: "_http._tcp.web" + inShop, want: []string{"0/80/web" + inShop}, reason: "The named port of a Service."},
		{kind: "srv", name: "_peer._tcp.many.shop", full: "_peer._tcp.many" + inShop, want: manyTargets(), reason: "More than a datagram holds."},
		{kind: "srv", name: "_pg._udp.db.shop", full: "_pg._udp.db" + inShop, reason: "No such port: NXDOMAIN."},

		{kind: "ptr", name: "10.96.1.2", full: "2.1.96.10.in-addr.arpa", want: []string{"web" + inShop}, reason: "A Service by its address."},
		{kind: "ptr", name: "10.244.1.10", full: "10.1.244.10.in-addr.arpa", want: []string{"db-0.db" + inShop}, reason: "A pod of a StatefulSet by its address."},
		{
			kind: "ptr", name: "fd00:10:96::3", full: "3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.1.0.0.0.0.d.f.ip6.arpa",
			want: []string{"six" + inShop}, reason: "The same with IPv6.",
		},
		{kind: "ptr", name: "203.0.113.10", full: "10.113.0.203.in-addr.arpa", want: []string{"host.example.org"}, reason: "An address of the world outside falls through to the upstream."},
		{kind: "ptr", name: "10.244.9.9", full: "9.9.244.10.in-addr.arpa", reason: "An address that nobody has falls through, too: NXDOMAIN."},
	}
}

func manyAddresses() (all []string) {
	for i := range many {
		all = append(all, manyAddress(i))
	}
	return all
}

func manyTargets() (all []string) {
	for i := range many {
		all = append(all, fmt.Sprintf("0/7000/many-%d.many%s", i, inShop))
	}
	return all
}

// exceptions returns the names of the clients that do otherwise, sorted.
func (r row) exceptions() []string { return slices.Sorted(maps.Keys(r.but)) }

// kinds returns what the row is asked for.
func (r row) kinds() []string {
	if r.kind != "" {
		return []string{r.kind}
	}
	return []string{"ip", "ip4", "ip6", "one"}
}

// wants returns what a kind of lookup finds, sorted.
func (r row) wants(kind string) (values []string) {
	for _, w := range r.want {
		addr, err := netip.ParseAddr(w)
		if err == nil && (kind == "ip4" && !addr.Is4() || kind == "ip6" && addr.Is4()) {
			continue
		}
		values = append(values, w)
	}
	slices.Sort(values)
	return values
}

// check asks a client for the row, in every way that it can be asked, and returns
// what is not as the row wants it.
func (r row) check(c client, a asker) error {
	var errs []error
	for _, kind := range r.kinds() {
		if !c.can(kind) {
			continue
		}
		got, err := a.ask(kind, c.written(r))
		if err == nil {
			err = r.judge(c, kind, got)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w (%s)", kind, c.written(r), err, r.reason))
		}
	}
	return errors.Join(errs...)
}

// written is how the client is told the row's name.
func (c client) written(r row) string {
	if c.search {
		return r.name
	}
	return r.full
}

// judge returns why a client's answer is not as the row wants it, or nil.
func (r row) judge(c client, kind string, got answer) error {
	want := r.wants(kind)
	e, excepted := r.but[c.name]
	if excepted && !e.partly {
		want = nil
	}
	if len(want) == 0 {
		if got.outcome != none {
			return fmt.Errorf("got %s; want nothing", got)
		}
		return nil
	}
	if kind == "one" || excepted {
		others := slices.DeleteFunc(slices.Clone(got.values), func(v string) bool { return slices.Contains(want, v) })
		if got.outcome != found || len(others) > 0 {
			return fmt.Errorf("got %s; want of %s", got, strings.Join(want, " "))
		}
		return nil
	}
	if got.outcome != found || !slices.Equal(got.values, want) {
		return fmt.Errorf("got %s; want %s", got, strings.Join(want, " "))
	}
	return nil
}

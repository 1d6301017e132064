package dnsquery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// A Lookup is one call of net.Resolver. Kind is ip4 or ip6 (the addresses of a
// name), srv (as asked for by peer-discovery programs: the name as it is), or
// ptr (the names of an address). Name goes through the search path.
type Lookup struct{ Kind, Name string }

// Found is what a Lookup returned. The values are sorted; an SRV record is
// "PRIORITY WEIGHT PORT TARGET".
type Found struct {
	Values   []string `json:",omitempty"`
	NotFound bool     `json:",omitempty"` // the resolver says that there is no such host
	Err      string   `json:",omitempty"` // any other error
}

// childMark tells a process of the test binary that it is the stub.
const childMark = "ROLLCALL_TEST_STUB"

// task is what the stub process reads from its standard input.
type task struct {
	ResolvConf string
	Server     netip.AddrPort
	Lookups    []Lookup
}

// Stub does the lookups with Go's resolver in a process whose resolv.conf has
// the given search path and ndots:5, as a pod's has, and returns what each found.
// With tcp every question goes over TCP (resolv.conf's use-vc).
func (s Server) Stub(ctx context.Context, search []string, tcp bool, lookups ...Lookup) ([]Found, error) {
	conf := "nameserver 127.0.0.1\nsearch " + strings.Join(search, " ") + "\noptions ndots:5 attempts:1\n"
	if tcp {
		conf += "options use-vc\n"
	}
	file, err := os.CreateTemp("", "resolv.conf-")
	if err != nil {
		return nil, fmt.Errorf("creating a resolv.conf: %w", err)
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString(conf); err != nil {
		return nil, fmt.Errorf("writing the resolv.conf: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, fmt.Errorf("writing the resolv.conf: %w", err)
	}
	input, err := json.Marshal(task{ResolvConf: file.Name(), Server: s.Addr, Lookups: lookups})
	if err != nil {
		return nil, fmt.Errorf("encoding the lookups: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the test binary: %w", err)
	}

	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), childMark+"=1")
	cmd.Stdin = bytes.NewReader(input)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		// Who is not root may still mount in a user namespace of their own.
		cmd.SysProcAttr.Unshareflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
	}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("the stub: %w\n%s", err, complaint.Bytes())
	}
	var found []Found
	if err := json.Unmarshal(out, &found); err != nil {
		return nil, fmt.Errorf("reading what the stub found: %w", err)
	}
	return found, nil
}

// Child does nothing in the test's own process. In the one that Stub starts it
// does the lookups and ends it.
func Child() {
	if os.Getenv(childMark) == "" {
		return
	}
	if err := child(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func child() error {
	var t task
	if err := json.NewDecoder(os.Stdin).Decode(&t); err != nil {
		return fmt.Errorf("reading the lookups: %w", err)
	}
	if err := syscall.Mount(t.ResolvConf, "/etc/resolv.conf", "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("binding over /etc/resolv.conf: %w", err)
	}
	resolver := &net.Resolver{
		PreferGo: true,
		// A nameserver line has no port, so its address is replaced here.
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, t.Server.String())
		},
	}
	found := make([]Found, len(t.Lookups))
	for i, l := range t.Lookups {
		values, err := l.do(resolver)
		slices.Sort(values)
		found[i].Values = values
		if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
			found[i].NotFound = true
		} else if err != nil {
			found[i].Err = err.Error()
		}
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

func (l Lookup) do(r *net.Resolver) (values []string, err error) {
	ctx := context.Background()
	switch l.Kind {
	case "ip4", "ip6":
		addrs, err := r.LookupNetIP(ctx, l.Kind, l.Name)
		for _, a := range addrs {
			values = append(values, a.Unmap().String())
		}
		return values, err
	case "srv":
		_, records, err := r.LookupSRV(ctx, "", "", l.Name)
		for _, s := range records {
			values = append(values, fmt.Sprintf("%d %d %d %s", s.Priority, s.Weight, s.Port, s.Target))
		}
		return values, err
	case "ptr":
		return r.LookupAddr(ctx, l.Name)
	}
	return nil, fmt.Errorf("unknown kind of lookup %q", l.Kind)
}

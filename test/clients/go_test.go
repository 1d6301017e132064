package clients

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

// lookUpWithGo looks up what standard input asks for, with Go's resolver.
func lookUpWithGo() (int, error) {
	resolver := &net.Resolver{PreferGo: true}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		kind, name, _ := strings.Cut(lines.Text(), " ")
		values, err := goLookup(resolver, kind, name)
		switch e, ok := errors.AsType[*net.DNSError](err); {
		case err == nil:
			fmt.Println(found, strings.Join(values, " "))
		case ok && e.IsNotFound:
			fmt.Println(none, strings.ReplaceAll(e.Err, " ", "-"))
		default:
			fmt.Println(failed, strings.ReplaceAll(err.Error(), " ", "-"))
		}
	}
	return 0, lines.Err()
}

func goLookup(r *net.Resolver, kind, name string) (values []string, err error) {
	ctx := context.Background()
	switch kind {
	case "ip", "ip4", "ip6":
		addrs, err := r.LookupNetIP(ctx, kind, name)
		for _, a := range addrs {
			values = append(values, a.Unmap().String())
		}
		return values, err
	case "srv":
		_, records, err := r.LookupSRV(ctx, "", "", name)
		for _, s := range records {
			values = append(values, fmt.Sprintf("%d/%d/%s", s.Priority, s.Port, s.Target))
		}
		return values, err
	case "ptr":
		return r.LookupAddr(ctx, name)
	}
	return nil, fmt.Errorf("unknown kind of lookup %q", kind)
}

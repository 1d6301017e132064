package peers

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// Unbound starts Unbound as a forwarder: it asks the server at upstream for every
// name, keeps what that says, and does not validate. It returns when it answers.
// Its files go into dir. The caller stops it.
func Unbound(ctx context.Context, dir string, upstream netip.AddrPort, o Options) (*Server, error) {
	d := daemon{
		pkg: "unbound", program: "unbound", version: "-V",
		config: func(port string) string {
			return fmt.Sprintf(`server:
    interface: 127.0.0.1@%[2]s
    num-threads: %[3]d
    username: ""
    chroot: ""
    directory: %[1]q
    pidfile: ""
    use-syslog: no
    logfile: ""
    module-config: "iterator"
    do-not-query-localhost: no
forward-zone:
    name: "."
    forward-addr: %[4]s@%[5]d
remote-control:
    control-enable: no
`, dir, port, o.workers(), upstream.Addr(), upstream.Port())
		},
		// In the foreground.
		args: func(config string) []string { return []string{"-d", "-c", config} },
	}
	return d.start(ctx, dir, o, resolves)
}

// resolves returns nil if the server answers for localhost, which Unbound does by
// itself.
func resolves(ctx context.Context, server netip.AddrPort) error {
	question := new(dns.Msg)
	question.SetQuestion("localhost.", dns.TypeA)
	client := dns.Client{Timeout: time.Second}
	reply, _, err := client.ExchangeContext(ctx, question, server.String())
	if err != nil {
		return err
	}
	if len(reply.Answer) == 0 {
		return errors.New("no address for localhost")
	}
	return nil
}

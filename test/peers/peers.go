package peers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rollcall-dns/rollcall/test/binaries"
	"github.com/rollcall-dns/rollcall/test/dnsquery"
	"github.com/rollcall-dns/rollcall/test/process"
)

// A Server is a running peer. The caller stops its Process.
type Server struct {
	dnsquery.Server
	Process *process.Process
	Version string // such as "3.2.6"; empty for CoreDNS, whose module says it
}

// CoreDNS starts CoreDNS on 127.0.0.1 with the given directives as its only
// server block, and returns when its plugins are ready. Its Corefile and its log
// go into dir.
func CoreDNS(ctx context.Context, dir string, logf func(string, ...any), directives string) (*Server, error) {
	programs, err := binaries.Ensure(ctx, logf, binaries.CoreDNS)
	if err != nil {
		return nil, err
	}
	ports, err := process.FreePorts(2)
	if err != nil {
		return nil, err
	}
	ready := "127.0.0.1:" + ports[1]
	corefile := filepath.Join(dir, "Corefile.coredns")
	text := fmt.Sprintf(".:%s {\n    bind 127.0.0.1\n    ready %s\n    %s\n}\n",
		ports[0], ready, strings.ReplaceAll(strings.TrimSpace(directives), "\n", "\n    "))
	if err := os.WriteFile(corefile, []byte(text), 0o644); err != nil {
		return nil, fmt.Errorf("writing the Corefile: %w", err)
	}
	p, err := process.Start(process.Spec{
		Name: "coredns", Path: programs[binaries.CoreDNS.Name], Args: []string{"-conf", corefile},
		Log: filepath.Join(dir, "coredns.log"),
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("not ready within 30 seconds"))
	defer cancel()
	if err := p.Ready(ctx, func(ctx context.Context) error { return get(ctx, "http://"+ready+"/ready") }); err != nil {
		p.Kill()
		return nil, err
	}
	addr, err := netip.ParseAddrPort("127.0.0.1:" + ports[0])
	return &Server{Server: dnsquery.Server{Addr: addr}, Process: p}, err
}

// get returns nil if the address answers with status 200.
func get(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

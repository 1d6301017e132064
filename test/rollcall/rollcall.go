// Package rollcall builds the rollcall program of this repository and runs it
// for tests.
package rollcall

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rollcall-dns/rollcall/test/binaries"
	"github.com/rollcall-dns/rollcall/test/dnsquery"
	"github.com/rollcall-dns/rollcall/test/process"
)

// Build builds cmd/rollcall from the tree that the working directory is in and
// returns its path. It builds every time: what is unchanged comes from Go's
// build cache in a second or two. With race the program reports data races,
// and ends with an exit status other than 0 if there was one.
func Build(ctx context.Context, race bool) (string, error) {
	tests, err := binaries.ModuleRoot(ctx)
	if err != nil {
		return "", err
	}
	root := filepath.Dir(tests)
	name, args := "rollcall", []string{"build"}
	if race {
		name, args = "rollcall-race", append(args, "-race")
	}
	// In the tree: tests of another one, run at once, have a program of their own.
	path := filepath.Join(root, "bin", "test", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("building rollcall: %w", err)
	}
	// The packages' tests run at once: the second finds the first one's work.
	unlock, err := binaries.Lock(ctx, path+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	cmd := exec.CommandContext(ctx, "go", append(args, "-o", path, "./cmd/rollcall")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building rollcall: %w\n%s", err, out)
	}
	return path, nil
}

// A Server is a running rollcall.
type Server struct {
	dnsquery.Server
	Process *process.Process
}

// address finds the address that rollcall prints when its sockets are open.
var address = regexp.MustCompile(`\d+(\.\d+){3}:\d+`)

// Run starts the program in path with the given arguments, which make it listen
// on an IPv4 address, and returns when it has printed that. It writes two logs
// into dir. The caller stops it.
func Run(ctx context.Context, path, dir string, args ...string) (*Server, error) {
	p, err := process.Start(process.Spec{
		Name: "rollcall", Path: path, Args: args,
		Log: filepath.Join(dir, "rollcall.log"), Stdout: filepath.Join(dir, "rollcall.out"),
	})
	if err != nil {
		return nil, err
	}
	s := &Server{Process: p}
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("no address was printed within 30 seconds"))
	defer cancel()
	err = p.Ready(ctx, func(context.Context) error {
		out, err := p.Stdout()
		if err != nil {
			return err
		}
		found := address.FindString(out)
		if found == "" {
			return fmt.Errorf("no address in its output %q", out)
		}
		s.Addr, err = netip.ParseAddrPort(found)
		return err
	})
	if err != nil {
		p.Kill()
		return nil, err
	}
	return s, nil
}

// Stop sends SIGTERM, and returns an error unless the program ends within
// fifteen seconds with exit status 0.
func (s *Server) Stop() error { return s.Process.Stop(15 * time.Second) }

// Start is Run for one test, which ends the program and fails if it does not end
// well.
func Start(t *testing.T, path string, args ...string) *Server {
	t.Helper()
	s, err := Run(t.Context(), path, t.TempDir(), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stopping rollcall: %v\n%s", err, s.Process.Tail(50))
		}
	})
	return s
}

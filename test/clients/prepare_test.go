package clients

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rollcall-dns/rollcall/test/binaries"
	"github.com/rollcall-dns/rollcall/test/peers"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// A preparation is what the outside prepares for the inside.
type preparation struct {
	Dir       string // a folder for the servers' files
	Rollcall  string // path of the program
	Built     string // folder of what is built from testdata
	Dnspython string // root of the unpacked package
	Nginx     string // likewise
}

// prepared is set on the inside.
var prepared preparation

// prepare builds and fetches what the tests run; what it has done before comes from
// the cache. Everything else is installed by test/deps.sh.
func prepare(ctx context.Context, dir string) (p preparation, err error) {
	p.Dir = dir
	logf := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	if p.Rollcall, err = rollcall.Build(ctx, false); err != nil {
		return p, err
	}
	if p.Built, err = buildLookups(ctx); err != nil {
		return p, err
	}
	if p.Dnspython, err = peers.Debian(ctx, logf, "python3-dnspython"); err != nil {
		return p, err
	}
	if p.Nginx, err = peers.Debian(ctx, logf, "nginx"); err != nil {
		return p, err
	}
	// The inside starts it, and can't fetch it.
	_, err = peers.Debian(ctx, logf, "knot")
	return p, err
}

// buildLookups builds the programs of testdata that have to be, and returns their
// folder.
func buildLookups(ctx context.Context) (string, error) {
	source, err := filepath.Abs("testdata")
	if err != nil {
		return "", fmt.Errorf("finding the sources: %w", err)
	}
	// What comes out depends on the sources and on the compilers' versions.
	var key []string
	for _, name := range []string{"lookup.c", "Lookup.java"} {
		text, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", fmt.Errorf("reading a source: %w", err)
		}
		key = append(key, string(text))
	}
	for _, compiler := range [][]string{{"gcc", "--version"}, {"musl-gcc", "--version"}, {"javac", "-version"}} {
		out, err := exec.CommandContext(ctx, compiler[0], compiler[1:]...).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("%s is needed (make deps installs it): %w", compiler[0], err)
		}
		key = append(key, string(out))
	}
	return binaries.Keep(ctx, "clients", key, func(dir string) error {
		for _, command := range [][]string{
			{"gcc", "-Wall", "-Werror", "-O1", "-o", "glibc", filepath.Join(source, "lookup.c")},
			{"musl-gcc", "-Wall", "-Werror", "-O1", "-o", "musl", filepath.Join(source, "lookup.c")},
			{"javac", "-d", ".", filepath.Join(source, "Lookup.java")},
		} {
			cmd := exec.CommandContext(ctx, command[0], command[1:]...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%s: %w\n%s", command[0], err, out)
			}
		}
		return nil
	})
}

package peers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rollcall-dns/rollcall/test/binaries"
)

// Debian returns the root folder of an unpacked Debian package: its programs are
// below root/usr/sbin, its libraries where Environment says. What the package
// needs and the machine has not is in the same folder; nothing is installed. The
// folder is kept in the cache for as long as the versions stay the same. logf
// gets a line when something is fetched; nil is silent.
//
// It needs apt-get and dpkg, and as root fetches the package lists itself if
// there are none. Where the package is installed already, root is "/".
func Debian(ctx context.Context, logf func(string, ...any), name string) (root string, err error) {
	if logf == nil {
		logf = func(string, ...any) {}
	}
	wanted, err := missing(ctx, name)
	if err != nil && os.Geteuid() == 0 {
		logf("fetching Debian's package lists")
		if _, err := run(ctx, "/", "apt-get", "update", "-q"); err != nil {
			return "", err
		}
		wanted, err = missing(ctx, name)
	}
	if err != nil {
		return "", fmt.Errorf("finding the packages of %s: %w", name, err)
	}
	if len(wanted) == 0 {
		return "/", nil
	}
	return binaries.Keep(ctx, "debian-"+name, wanted, func(dir string) error {
		logf("fetching %s from Debian: %s", name, strings.Join(wanted, " "))
		return unpack(ctx, dir, wanted)
	})
}

// missing returns what apt-get would install for a package, sorted, each as
// name=version: the package and those it depends on, without what is there.
func missing(ctx context.Context, name string) ([]string, error) {
	out, err := simulate(ctx, name)
	if err != nil {
		return nil, err
	}
	var wanted []string
	for line := range strings.Lines(out) {
		// Inst NAME [VERSION THERE] (VERSION ORIGIN [ARCHITECTURE])
		f := strings.Fields(line)
		if len(f) < 3 || f[0] != "Inst" {
			continue
		}
		_, parenthesis, found := strings.Cut(line, "(")
		version, _, _ := strings.Cut(parenthesis, " ")
		if !found || version == "" {
			return nil, fmt.Errorf("no version in apt-get's line %q", line)
		}
		wanted = append(wanted, f[1]+"="+version)
	}
	slices.Sort(wanted)
	return wanted, nil
}

// simulate returns what apt-get says that it would do to install a package. That
// takes seconds, so it is kept for as long as neither what is installed nor the
// package lists change.
func simulate(ctx context.Context, name string) (string, error) {
	var key []string
	for _, path := range []string{"/var/lib/dpkg/status", "/var/lib/apt/lists"} {
		info, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		key = append(key, info.ModTime().String())
	}
	const file = "simulated"
	kept, err := binaries.Keep(ctx, "apt-"+name, key, func(dir string) error {
		out, err := run(ctx, "/", "apt-get", "--simulate", "--no-install-recommends", "install", name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, file), []byte(out), 0o644)
	})
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(kept, file))
	return string(text), err
}

// unpack fetches packages and unpacks all of them into root.
func unpack(ctx context.Context, root string, packages []string) error {
	tmp, err := os.MkdirTemp(root, ".debian-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	// As root apt-get fetches as another user, which can't write here, and says
	// so; that it then fetches as root is what is meant.
	if _, err := run(ctx, tmp, "apt-get", append([]string{"-q", "-o", "APT::Sandbox::User=root", "download"}, packages...)...); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil {
		return err
	}
	if len(files) != len(packages) {
		return fmt.Errorf("%d files came for %d packages", len(files), len(packages))
	}
	for _, file := range files {
		if _, err := run(ctx, tmp, "dpkg-deb", "--extract", file, root); err != nil {
			return err
		}
	}
	return nil
}

// run returns a command's standard output; its error has what the command said.
func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, args[0], err)
	}
	return string(out), nil
}

// Environment is what a program below root needs in its environment to find the
// libraries there.
func Environment(root string) ([]string, error) {
	if root == "/" {
		return nil, nil
	}
	var dirs []string
	for _, pattern := range []string{"usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, found...)
	}
	return []string{"LD_LIBRARY_PATH=" + strings.Join(dirs, ":")}, nil
}

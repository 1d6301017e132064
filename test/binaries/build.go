package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Ensure returns the path of each program by its Name, building those that are
// not in the cache. logf gets a line when a build begins, one every half
// minute while it runs, and one when it ends; nil is silent.
func Ensure(ctx context.Context, logf func(string, ...any), programs ...Program) (map[string]string, error) {
	if logf == nil {
		logf = func(string, ...any) {}
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return nil, err
	}
	paths := make(map[string]string, len(programs))
	missing := make(map[string][]Program) // by module
	var modules []string                  // in the order asked for
	for _, p := range programs {
		if p.FromPath {
			if path, err := exec.LookPath(p.Name); err == nil {
				paths[p.Name] = path
				continue
			}
		}
		if missing[p.Module] == nil {
			modules = append(modules, p.Module)
		}
		missing[p.Module] = append(missing[p.Module], p)
	}
	for _, m := range modules {
		b := builder{dir: filepath.Join(root, m), stamp: m == kubernetes, logf: logf}
		if err := b.ensure(ctx, missing[m], paths); err != nil {
			return nil, fmt.Errorf("building the programs of %s: %w", m, err)
		}
	}
	return paths, nil
}

// Dir is the folder in the user's cache directory that everything of the tests
// that outlives a run is kept in. It is created.
func Dir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache directory: %w", err)
	}
	dir := filepath.Join(cache, "rollcall-test")
	return dir, os.MkdirAll(dir, 0o755)
}

// ModuleRoot is the folder of the test module that the working directory is in.
// Rollcall's own module is the folder above it.
func ModuleRoot(ctx context.Context) (string, error) { return moduleRoot(ctx) }

func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("asking go for the module: %w", err)
	}
	mod := strings.TrimSpace(string(out))
	dir := filepath.Dir(mod)
	if _, err := os.Stat(filepath.Join(dir, kubernetes, "go.mod")); err != nil {
		return "", fmt.Errorf("the working directory is not inside the test module: %w", err)
	}
	return dir, nil
}

// builder builds the programs of one nested module.
type builder struct {
	dir   string // of the nested module
	stamp bool   // with Kubernetes' version
	logf  func(string, ...any)
}

func (b builder) ensure(ctx context.Context, programs []Program, paths map[string]string) error {
	flags, key, err := b.key(ctx)
	if err != nil {
		return err
	}
	cache, err := Dir()
	if err != nil {
		return err
	}
	bin := filepath.Join(cache, "bin-"+key)
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return fmt.Errorf("creating the program cache: %w", err)
	}
	unlock, err := Lock(ctx, bin+".lock")
	if err != nil {
		return err
	}
	defer unlock()

	var missing []Program
	for _, p := range programs {
		paths[p.Name] = filepath.Join(bin, p.Name)
		if _, err := os.Stat(paths[p.Name]); err != nil {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return b.build(ctx, missing, bin, flags)
}

// build runs one go build for all the programs, so that linking one overlaps
// with compiling another, and moves them into bin when all are there.
func (b builder) build(ctx context.Context, programs []Program, bin, flags string) error {
	tmp, err := os.MkdirTemp(bin, ".build-")
	if err != nil {
		return fmt.Errorf("creating a build folder: %w", err)
	}
	defer os.RemoveAll(tmp)

	args := []string{"build", "-ldflags", flags, "-o", tmp + string(filepath.Separator)}
	var names []string
	for _, p := range programs {
		args = append(args, p.Package)
		names = append(names, p.Name)
	}
	what := strings.Join(names, ", ")
	b.logf("building %s (minutes from an empty build cache)", what)
	start := time.Now()
	stop := every(30*time.Second, func() { b.logf("still building %s, %.0fs", what, time.Since(start).Seconds()) })
	_, err = b.run(ctx, args...)
	stop()
	if err != nil {
		return err
	}
	for _, p := range programs {
		if err := os.Rename(filepath.Join(tmp, outputName(p.Package)), filepath.Join(bin, p.Name)); err != nil {
			return fmt.Errorf("moving a program into the cache: %w", err)
		}
	}
	b.logf("built %s in %.0fs", what, time.Since(start).Seconds())
	return nil
}

// key returns the linker flags, and the hash of all that a build depends on.
func (b builder) key(ctx context.Context) (flags, key string, err error) {
	flags = "-s -w"
	if b.stamp {
		version, err := b.run(ctx, "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes")
		if err != nil {
			return "", "", err
		}
		flags += stampFlags(version)
	}
	release, err := b.run(ctx, "env", "GOVERSION")
	if err != nil {
		return "", "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s/%s %q\n", release, runtime.GOOS, runtime.GOARCH, flags)
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(b.dir, name))
		if err != nil {
			return "", "", fmt.Errorf("reading the module: %w", err)
		}
		h.Write(text)
	}
	return flags, hex.EncodeToString(h.Sum(nil))[:16], nil
}

// run runs the go command in the nested module and returns what it printed. Its
// error ends with what the command said on standard error.
func (b builder) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "PWD="+b.dir)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("go %s: %w\n%s", args[0], err, exit.Stderr)
	} else if err != nil {
		return "", fmt.Errorf("go %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}

// Lock takes an exclusive lock on a file, waiting for it until ctx ends. The
// kernel gives it up when the process dies.
func Lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening the build lock: %w", err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("taking the build lock: %w", err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("waiting for another build: %w", ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// every calls f on each tick until stop is called.
func every(d time.Duration, f func()) (stop func()) {
	done := make(chan struct{})
	go func() {
		t := time.NewTicker(d)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				f()
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

// outputName is the file name that go build gives a main package: the last
// element of its path that is not a major version.
func outputName(pkg string) string {
	dir, last := filepath.Split(pkg)
	if len(last) > 1 && last[0] == 'v' && strings.Trim(last[1:], "0123456789") == "" {
		return filepath.Base(dir)
	}
	return last
}

// minor is the 37 of v1.37.2.
func minor(version string) string {
	if parts := strings.Split(version, "."); len(parts) > 1 {
		return parts[1]
	}
	return ""
}

package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Main prepares the namespaces that the process is in and becomes the program that
// it was started for. It does not return. Args are the process's, after its name.
func Main(args []string) {
	report := os.NewFile(reportFD, "report")
	err := become(args)
	fmt.Fprint(report, err)
	if errors.As(err, new(*programError)) {
		os.Exit(statusProgram)
	}
	os.Exit(1)
}

// programError is why the program can't be run.
type programError struct{ error }

// become returns only if it fails.
func become(args []string) error {
	runtime.LockOSThread() // capabilities are a thread's
	var pipe unix.Stat_t
	if err := unix.Fstat(reportFD, &pipe); err != nil || pipe.Mode&unix.S_IFMT != unix.S_IFIFO || len(args) < 2 {
		return errors.New("started by hand, in namespaces that are not its own")
	}
	var s settings
	if err := json.Unmarshal([]byte(args[0]), &s); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	syscall.CloseOnExec(reportFD)
	if s.Network {
		if err := setUpLoopback(); err != nil {
			return fmt.Errorf("setting up the loopback interface: %w", err)
		}
	}
	if s.ResolvConf != "" {
		if err := replaceResolver(s.ResolvConf); err != nil {
			return err
		}
	}
	if !s.Network {
		// What was for the mounts is not for the program.
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
			return fmt.Errorf("giving up capabilities: %w", err)
		}
	}
	return &programError{syscall.Exec(s.Path, args[1:], os.Environ())}
}

// replaceResolver has the C library look up hosts by a resolv.conf alone.
func replaceResolver(resolvConf string) error {
	// What is mounted from here on shows nowhere else.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := replace("/etc/resolv.conf", resolvConf); err != nil {
		return err
	}
	// Without the file, glibc asks files and dns anyway, and musl always does.
	const services = "/etc/nsswitch.conf"
	switch old, err := os.ReadFile(services); {
	case err == nil:
		if err := replace(services, nsswitch(string(old))); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	// The C library's cache, which asks on its own, if it runs.
	const cache = "/var/run/nscd"
	if _, err := os.Stat(cache); err == nil {
		if err := unix.Mount("tmpfs", cache, "tmpfs", unix.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("mounting over %s: %w", cache, err)
		}
	}
	return nil
}

// replace mounts a file with a text over one that is there, or over what that leads to.
func replace(path, text string) error {
	f, err := os.CreateTemp("", "rollcall-")
	if err != nil {
		return fmt.Errorf("a file to mount over %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // the mount keeps what is in it
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return fmt.Errorf("a file to mount over %s: %w", path, err)
	}
	if err := unix.Mount(f.Name(), path, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting over %s: %w", path, err)
	}
	return nil
}

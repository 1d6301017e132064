// Package isolate runs a test binary once more in a network, a mount and a process
// namespace of its own, from which nothing outside can be reached, and where files of
// /etc and port 53 are the test's. All processes in there end with the test binary, and
// so do the namespaces.
package isolate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// Run runs this test binary with its own arguments in new namespaces, and returns
// its exit status. The binary tells from env, which is added to the environment, that
// it is there. It is killed if ctx ends, or if this process does.
func Run(ctx context.Context, env ...string) (status int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, fmt.Errorf("finding the test binary: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:   syscall.CLONE_NEWPID,
		Unshareflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Pdeathsig:    syscall.SIGKILL,
	}
	if os.Geteuid() != 0 {
		// Who is not root may make these namespaces within one of their own, if
		// the kernel allows that.
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	// The kernel watches for the death of the thread that forks.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("making network, mount and process namespaces, for which one must be root or have unprivileged user namespaces: %w", err)
	}
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return exit.ExitCode(), nil // it has said why
	}
	return 0, err
}

// Enter makes the namespaces usable, which the process is in: /proc has their processes, and
// the commands, as Network takes them, set up the network.
func Enter(ctx context.Context, network string) error {
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	return Network(ctx, network)
}

// Network runs commands of ip(8), one a line, in the namespace that the process is in.
func Network(ctx context.Context, commands string) error {
	cmd := exec.CommandContext(ctx, "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(commands)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("setting up the network namespace (IPv6 is needed, too): %w\n%s", err, out)
	}
	return nil
}

// File has path, where there must be a file, hold text for all processes of the mount
// namespace. The text is kept in dir.
func File(dir, path, text string) error {
	file := filepath.Join(dir, filepath.Base(path))
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := syscall.Mount(file, path, "", syscall.MS_BIND, ""); err != nil {
		return fmt.Errorf("binding over %s: %w", path, err)
	}
	return nil
}

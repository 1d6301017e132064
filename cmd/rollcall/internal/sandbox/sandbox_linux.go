package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// reportFD is the descriptor that Main reports a failure on. It is closed, without
// a word, when the program runs.
const reportFD = 3

// statusProgram is the exit status of Main if the namespaces are as they should be
// and the program can't be run.
const statusProgram = 2

// settings are what Main is told, as JSON in its first argument.
type settings struct {
	Path       string
	ResolvConf string // "" leaves the file alone
	Network    bool
}

// Start starts the program, and returns once it runs in its namespaces. An error
// says why there is none, and nothing has been run of it then.
func Start(c Config) (*exec.Cmd, error) {
	cmd, err := c.start(false)
	if err == nil || errors.Is(err, ErrProgram) {
		return cmd, err
	}
	cmd, within := c.start(true)
	switch {
	case within == nil:
		return cmd, nil
	case os.Geteuid() == 0 && !errors.Is(within, ErrProgram):
		return nil, err // a user namespace is the lesser way
	}
	return nil, within
}

// start starts it in namespaces, which are within a user namespace or not.
func (c *Config) start(user bool) (*exec.Cmd, error) {
	report, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer report.Close()
	told, err := json.Marshal(settings{c.Path, c.Resolver.conf(), c.Network})
	if err != nil {
		return nil, err
	}
	cmd := c.command("/proc/self/exe", append([]string{Name, string(told)}, c.Args...))
	cmd.ExtraFiles = []*os.File{write} // reportFD
	cmd.SysProcAttr = c.attributes(user)
	err = cmd.Start()
	write.Close()
	if err != nil {
		return nil, fmt.Errorf("making namespaces: %w", err)
	}
	text, err := io.ReadAll(report)
	if err == nil && len(text) == 0 {
		return cmd, nil
	}
	_ = cmd.Wait() // it ended, and has said why
	if err == nil {
		err = errors.New(string(text))
	}
	if cmd.ProcessState.ExitCode() == statusProgram {
		err = fmt.Errorf("%w: %w", ErrProgram, err)
	}
	return nil, err
}

// attributes say which namespaces to make.
func (c *Config) attributes(user bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	if c.Network {
		a.Cloneflags |= unix.CLONE_NEWNET
	}
	if !user {
		return a
	}
	a.Cloneflags |= unix.CLONE_NEWUSER
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
	// Who isn't root loses what he may do in the namespace with the execve of Main's
	// program, but for these.
	a.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	if c.Network {
		a.AmbientCaps = append(a.AmbientCaps, unix.CAP_NET_ADMIN, unix.CAP_NET_BIND_SERVICE)
	}
	return a
}

//go:build !linux

package sandbox

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
)

// Start fails.
func Start(Config) (*exec.Cmd, error) {
	return nil, fmt.Errorf("a resolv.conf for one program alone: %w on %s", errors.ErrUnsupported, runtime.GOOS)
}

// Main does nothing: Start starts nothing.
func Main([]string) {}

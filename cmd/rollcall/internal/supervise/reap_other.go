//go:build !unix

package supervise

import "os"

// adopts reports whether orphans become children of this process.
func adopts() bool { return false }

func (p *Processes) reapOnSignal() (stop func()) { return func() {} }

func statusOf(state *os.ProcessState) int {
	if state == nil {
		return 1
	}
	return state.ExitCode()
}

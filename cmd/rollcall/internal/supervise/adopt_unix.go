//go:build unix && !linux

package supervise

import "os"

// adopts reports whether orphans become children of this process.
func adopts() bool { return os.Getpid() == 1 }

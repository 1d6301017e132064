package dnstest

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Eventually waits until ok reports true, and ends the test if it never does.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(timeout); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened within %s: %s", timeout, what)
		}
	}
}

// Receive returns what comes from c, and ends the test if nothing does.
func Receive[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(timeout):
		t.Fatalf("never came within %s: %s", timeout, what)
		panic("unreachable")
	}
}

// NoLeaks fails the test if, at its end, goroutines that run this module's code
// or file descriptors are there that were not when NoLeaks was called. Call it
// first, for it to look last. It is not for tests that run in parallel.
func NoLeaks(t testing.TB) {
	t.Helper()
	time.AfterFunc(timeout, func() {}).Stop() // the runtime opens files of its own with the first timer
	goroutines, files := ours(), descriptors()
	t.Cleanup(func() {
		for deadline := time.Now().Add(timeout); ours() > goroutines || descriptors() > files; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("left over: goroutines %d, %d at the start; descriptors %d, %d at the start\n%s",
					ours(), goroutines, descriptors(), files, stacks())
				return
			}
		}
	})
}

// ours returns how many goroutines have this module's code on their stacks.
func ours() (n int) {
	for _, stack := range strings.Split(stacks(), "\n\n") {
		if strings.Contains(stack, "rollcall-dns/rollcall/") {
			n++
		}
	}
	return n
}

func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}

// descriptors returns how many files are open; 0 where that can't be told.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

package stub

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// root is the repository's root, as seen from this package.
const root = "../.."

// What all tests share: a folder that every user may read, with the program, this
// test's own binary, and the examples.
var (
	shared  string
	program string
	self    string
	objects string
)

// role, in the environment, has this binary look up the names of its arguments with
// Go's resolver.
const role = "ROLLCALL_TEST_LOOKUP"

func TestMain(m *testing.M) {
	if os.Getenv(role) != "" {
		os.Exit(lookUp(os.Args[1:]))
	}
	status, err := prepared(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "stub:", err)
		status = 1
	}
	os.Exit(status)
}

// lookUp prints each name's addresses on a line.
func lookUp(names []string) int {
	for _, name := range names {
		addrs, err := (&net.Resolver{PreferGo: true}).LookupHost(context.Background(), name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(strings.Join(addrs, " "))
	}
	return 0
}

// prepared runs the tests with what they share.
func prepared(m *testing.M) (status int, err error) {
	if runtime.GOOS != "linux" {
		return 0, fmt.Errorf("the tests make namespaces of Linux, this is %s", runtime.GOOS)
	}
	built, err := rollcall.Build(context.Background(), false)
	if err != nil {
		return 0, err
	}
	if shared, err = os.MkdirTemp("", "stub-"); err != nil {
		return 0, err
	}
	defer os.RemoveAll(shared)
	if err := os.Chmod(shared, 0o755); err != nil {
		return 0, err
	}
	binary, err := os.Executable()
	if err != nil {
		return 0, err
	}
	program, self, objects = filepath.Join(shared, "rollcall"), filepath.Join(shared, "self"), filepath.Join(shared, "examples")
	for from, to := range map[string]string{built: program, binary: self} {
		if err := copyFile(from, to); err != nil {
			return 0, err
		}
	}
	if err := os.CopyFS(objects, os.DirFS(filepath.Join(root, "deploy/examples"))); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// copyFile copies a program.
func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

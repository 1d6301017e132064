package stub

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A user is someone who runs programs.
type user struct {
	name       string
	credential *syscall.Credential // nil is who runs the test
	// namespaces: the kernel lets this user have a user namespace. Root needs none.
	namespaces bool
}

// nobody is a user without rights, by an ID that every system has.
const nobody = 65534

// users are who runs the test and, if that is root, one without rights.
func users(t *testing.T) []user {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Log("not root: what root may do is not tested")
		return []user{{"user", nil, mayHaveNamespaces(nil)}}
	}
	credential := &syscall.Credential{Uid: nobody, Gid: nobody}
	return []user{{"root", nil, true}, {"nobody", credential, mayHaveNamespaces(credential)}}
}

// mayHaveNamespaces asks util-linux, so that Rollcall is not its own judge.
func mayHaveNamespaces(credential *syscall.Credential) bool {
	cmd := exec.Command("unshare", "--user", "--map-root-user", "--net", "--mount", "true")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	return cmd.Run() == nil
}

// A result is what came of a program.
type result struct {
	status      int
	out, errors string
}

// command returns a program that a user is going to run, with the system's own
// programs first, which every user may run.
func (u user) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = shared
	cmd.Env = append(os.Environ(), "PATH=/usr/local/bin:/usr/bin:/bin:"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: u.credential}
	return cmd
}

// run runs a program to its end.
func (u user) run(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := u.command(ctx, args...)
	var out, errors bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errors
	err := cmd.Run()
	if ctx.Err() != nil || cmd.ProcessState == nil {
		t.Fatalf("%q: %v, %v\n%s", args, err, ctx.Err(), errors.String())
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errors.String()}
}

// rollcallRun returns the command line of rollcall run with the examples.
func rollcallRun(flags []string, command ...string) []string {
	args := append([]string{program, "run", "-manifests", objects}, flags...)
	return append(append(args, "--"), command...)
}

// confined returns a command line that is run in namespaces of its own, prepared by
// a shell script that may do anything there, as an ordinary user, without a single
// right, of a system that the script has made what it should be.
func confined(script string, command []string) []string {
	script += "\n" + `exec setpriv --ambient-caps=-all --inh-caps=-all "$@"`
	return append([]string{"unshare", "--user", "--map-user=1000", "--map-group=1000", "--keep-caps", "--net", "--mount", "sh", "-euc", script, "sh"}, command...)
}

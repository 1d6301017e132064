package sandbox

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"strings"
)

// Name is the name, the zeroth argument, that a program is started again under.
// Its main must call Main first of all if it has it.
const Name = "rollcall-sandbox"

// ErrProgram is returned where there are namespaces, and the kernel does not take the
// program for one.
var ErrProgram = errors.New("the program can't be run")

// Config says what to start, and with what.
type Config struct {
	Path string   // of the program, found already
	Args []string // with the name that it is to be called by
	Env  []string

	Stdin          io.Reader
	Stdout, Stderr io.Writer

	// Resolver is what resolv.conf says; its zero value leaves the one that is there.
	Resolver Resolver
	// Network starts the program in a network of its own: the loopback interface,
	// and no way out. The program may bind any port there and make namespaces in
	// turn, whoever the user is; without Network it is given no such right.
	Network bool
}

// Resolver says how names are looked up.
type Resolver struct {
	// Server answers at port 53: a resolv.conf has no place for another.
	Server netip.Addr
	// Search are the domains that names are looked up in.
	Search []string
}

// ndots is how many dots a name needs to be looked up as it is first: that of
// Kubernetes' pods.
const ndots = 5

// conf returns the resolv.conf; "" for the zero value.
func (r Resolver) conf() string {
	if !r.Server.IsValid() {
		return ""
	}
	return fmt.Sprintf("search %s\nnameserver %s\noptions ndots:%d\n", strings.Join(r.Search, " "), r.Server, ndots)
}

// command returns what starts the program, by whatever is in between.
func (c *Config) command(path string, args []string) *exec.Cmd {
	return &exec.Cmd{Path: path, Args: args, Env: c.Env, Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr}
}

// nsswitch returns the nsswitch.conf in which hosts are looked up in /etc/hosts and
// by the resolver alone, whatever was there: glibc's other modules (resolve, mdns)
// have servers of their own, that know no resolv.conf.
func nsswitch(old string) string {
	var b strings.Builder
	for line := range strings.Lines(old) {
		if database, _, _ := strings.Cut(line, ":"); strings.TrimSpace(database) != "hosts" {
			b.WriteString(strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	return b.String() + "hosts: files dns\n"
}

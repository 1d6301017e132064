package join

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/rollcall-dns/rollcall/test/binaries"
	"github.com/rollcall-dns/rollcall/test/isolate"
	"github.com/rollcall-dns/rollcall/test/peers"
	"github.com/rollcall-dns/rollcall/test/rollcall"
)

// outside prepares the programs, which may have to be fetched, and runs the test
// binary once more where nothing can be.
func outside() (status int, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	commands, err := prepare(ctx)
	if err != nil {
		return 0, err
	}
	text, err := json.Marshal(commands)
	if err != nil {
		return 0, err
	}
	return isolate.Run(ctx, preparedVariable+"="+string(text))
}

// prepare builds and fetches what the tests run, and returns how each is run; what has
// been done before comes from the cache.
func prepare(ctx context.Context) (map[string][]string, error) {
	logf := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	paths, err := binaries.Ensure(ctx, logf, binaries.All()...)
	if err != nil {
		return nil, err
	}
	program, err := rollcall.Build(ctx, false)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	rabbitmq, err := peers.Debian(ctx, logf, "rabbitmq-server") // and Erlang
	if err != nil {
		return nil, err
	}
	mongodb, err := npm(ctx, "mongodb", "7.9.0")
	if err != nil {
		return nil, err
	}
	testdata, err := filepath.Abs("testdata")
	if err != nil {
		return nil, err
	}
	lookups, err := filepath.Abs("../clients/testdata")
	if err != nil {
		return nil, err
	}
	installed := []string{"sh", filepath.Join(testdata, "installed.sh"), rabbitmq}
	java := []string{"java", "-XX:TieredStopAtLevel=1", filepath.Join(lookups, "Lookup.java")}
	return map[string][]string{
		"rollcall":    {program},
		"member":      {self},
		"etcd":        {paths[binaries.Etcd.Name]},
		"peer-finder": {paths[binaries.PeerFinder.Name]},
		"rabbitmq":    append(installed, "sh", filepath.Join(testdata, "rabbitmq.sh"), "rabbitmq-server"),
		"rabbitmqctl": append(installed, "sh", filepath.Join(testdata, "rabbitmq.sh"), "rabbitmqctl"),
		"Erlang":      append(installed, "escript", filepath.Join(testdata, "lookup.escript")),
		"Java":        java,
		"JNDI":        append(java, "jndi"),
		"Node.js":     {"node", filepath.Join(lookups, "lookup.js"), "resolve"},
		"mongodb":     {"node", filepath.Join(testdata, "mongodb.js"), mongodb},
	}, nil
}

// npm returns a folder with a package, and what it needs, in its node_modules.
func npm(ctx context.Context, name, version string) (string, error) {
	return binaries.Keep(ctx, "npm-"+name, []string{version}, func(dir string) error {
		cmd := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", dir, name+"@"+version)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("npm install %s: %w\n%s", name, err, out)
		}
		return nil
	})
}

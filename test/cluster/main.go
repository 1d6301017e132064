package cluster

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// Main is the body of a TestMain: it starts a Cluster, hands it to setup, runs
// the tests, calls the function that setup returned, if any, and stops the
// cluster. It does not return. If anything fails it prints the end of every log
// and leaves the folder behind.
func Main(m *testing.M, setup func(context.Context, *Cluster) (teardown func() error, err error)) {
	os.Exit(run(m, setup))
}

func run(m *testing.M, setup func(context.Context, *Cluster) (func() error, error)) (status int) {
	logf := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, err := Start(ctx, Config{Logf: logf})
	if err != nil {
		logf("starting the cluster: %v", err)
		return 1
	}
	defer func() {
		if status != 0 {
			c.Failed(logf)
		}
		if err := c.Stop(); err != nil {
			logf("stopping the cluster: %v", err)
			status = 1
		}
	}()
	teardown, err := setup(ctx, c)
	if err != nil {
		logf("preparing the tests: %v", err)
		return 1
	}
	stop() // from here on a signal ends this process, and with it its children
	status = m.Run()
	if teardown != nil {
		if err := teardown(); err != nil {
			logf("after the tests: %v", err)
			status = 1
		}
	}
	return status
}

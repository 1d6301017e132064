package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/rollcall-dns/rollcall/internal/assemble"
)

// whole is how long the objects of a cluster may take to arrive, where -timeout does not say.
const whole = 30 * time.Second

// serveCluster answers for the cluster of -kubeconfig on a port of this machine until ctx
// ends, as its DNS would, and returns the address once it knows all objects.
func (f *peersFlags) serveCluster(ctx context.Context, s streams) (string, error) {
	c := configFlags{kubeconfig: f.kubeconfig, context: f.context, zone: f.clusterDomain(), listen: anyPort, changing: true}
	plan, err := c.load(ctx)
	if err != nil {
		return "", err
	}
	serving, ended := make(chan netip.AddrPort, 1), make(chan error, 1)
	version, revision := buildVersion()
	go func() {
		ended <- plan.Run(ctx, assemble.Process{
			Stdin: s.in, Stdout: s.err, Logger: newLeveledLogger(s.err, slog.LevelWarn), Version: version, Revision: revision, Abrupt: true,
			Serving: func(a assemble.Announcement) error {
				serving <- a.Listeners[0].Addr
				return nil
			},
		})
	}()
	select {
	case addr := <-serving:
		return addr.String(), nil
	case err := <-ended:
		return "", errors.Join(err, context.Cause(ctx))
	case <-time.After(cmp.Or(time.Duration(f.timeout), whole)):
	}
	if f.timeout > 0 {
		return "", &exitError{statusTimeout, fmt.Errorf("the objects of the cluster did not come within %s", &f.timeout)}
	}
	return "", fmt.Errorf("the objects of the cluster did not come within %s (-timeout waits longer)", whole)
}

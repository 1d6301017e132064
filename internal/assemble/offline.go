package assemble

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/zone"
)

// What a Plan is good for without serving.

// ErrNoZones is returned where a zone is asked for and no server block has one.
var ErrNoZones = errors.New("no kubernetes directive in the Corefile, and so no zone")

// Zones returns the zones of each kubernetes directive once they are synced, and
// are followed no more. An end of ctx before that is an error, its cause.
func (p *Plan) Zones(ctx context.Context, process Process) ([]*zone.Zone, error) {
	process.setDefaults()
	var all []*zone.Zone
	for i := range p.blocks {
		b := &p.blocks[i]
		if b.kubernetes == nil {
			continue
		}
		z, err := b.syncedZone(ctx, process)
		if err != nil {
			return nil, err
		}
		all = append(all, z)
	}
	if len(all) == 0 {
		return nil, ErrNoZones
	}
	return all, nil
}

func (b *block) syncedZone(ctx context.Context, process Process) (*zone.Zone, error) {
	hosts, err := b.hosts()
	if err != nil {
		return nil, err
	}
	self, err := selfAddrs(hosts)
	if err != nil {
		return nil, err
	}
	z, err := NewZone(b.kubernetes, self)
	if err != nil {
		return nil, b.Pos.Errorf("kubernetes: %w", err)
	}
	source, err := newSource(b.kubernetes, process, nil)
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 1)
	go func() { failed <- source.Run(running, z) }()
	tick := time.NewTicker(syncPoll)
	defer tick.Stop()
	for !z.Snapshot().Synced {
		select {
		case err := <-failed:
			if err == nil {
				err = context.Cause(ctx)
			}
			return nil, err
		case <-ctx.Done():
			<-failed
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
	}
	stop()
	<-failed
	return z, nil
}

// CheckManifests reads the manifests that the Corefile names, if any.
func (p *Plan) CheckManifests(ctx context.Context, process Process) error {
	process.setDefaults()
	var errs []error
	for i := range p.blocks {
		b := &p.blocks[i]
		if b.kubernetes == nil || len(b.kubernetes.Manifests) == 0 {
			continue
		}
		source, err := newSource(b.kubernetes, process, nil)
		if err == nil {
			_, err = source.(*watch.Manifests).Load(ctx)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// CheckHandlers makes the handlers and closes them again, for what Run would find
// wrong in the files that they read. All that is wrong is returned, joined, each
// at its place; what is no error of Run's is logged as there. It makes no source,
// opens no socket and connects to nothing.
func (p *Plan) CheckHandlers(process Process) error {
	process.Registry = nil // nobody asks for what they would count
	r := newRun(process)
	r.rehearsal = true
	if err := r.registerMetrics(p); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	g, err := r.newGeneration(p, nil)
	if err != nil {
		return err
	}
	g.close()
	return nil
}

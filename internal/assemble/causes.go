package assemble

import (
	"context"
	"fmt"

	"github.com/rollcall-dns/rollcall/watch"
	"github.com/rollcall-dns/rollcall/watch/explain"
)

// Cluster returns what tells why names of the first kubernetes directive's zones do
// or do not resolve, from the objects that it names.
func (p *Plan) Cluster(ctx context.Context, process Process) (*explain.Cluster, error) {
	process.setDefaults()
	for i := range p.blocks {
		b := &p.blocks[i]
		if b.kubernetes == nil {
			continue
		}
		z, err := NewZone(b.kubernetes, nil)
		if err != nil {
			return nil, b.Pos.Errorf("kubernetes: %w", err)
		}
		c := explain.Config{Zone: z, Kinds: watchedKinds(b.kubernetes), Selector: b.kubernetes.Labels, Now: process.Now}
		if c.Reader, err = b.reader(ctx, process); err != nil {
			return nil, err
		}
		return explain.NewCluster(c), nil
	}
	return nil, ErrNoZones
}

// reader returns what reads the objects of the block's zones.
func (b *block) reader(ctx context.Context, process Process) (explain.Reader, error) {
	if len(b.kubernetes.Manifests) == 0 {
		api := apiConfig(b.kubernetes)
		api.Version, api.Logger = process.Version, process.Logger
		return watch.NewReader(api)
	}
	source, err := newSource(b.kubernetes, process, nil)
	if err != nil {
		return nil, err
	}
	manifests, ok := source.(*watch.Manifests)
	if !ok {
		return nil, fmt.Errorf("%s: kubernetes names manifests, and has another source", b.Pos)
	}
	return manifests.Read(ctx)
}

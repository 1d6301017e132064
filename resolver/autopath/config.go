package autopath

import (
	"net/netip"
	"slices"

	"github.com/rollcall-dns/rollcall/resolver/corefile"
	"github.com/rollcall-dns/rollcall/zone"
)

// fromKubernetes is what stands for the file where pods' search paths are meant.
const fromKubernetes = "@kubernetes"

// hostFile is the host's own search path, which the kubelet adds to those of pods.
const hostFile = "/etc/resolv.conf"

// Pods tells whose pod has an address. It is safe for concurrent use.
type Pods interface {
	// PodOf returns the pod that has an address, in any form of it, of which only
	// the Namespace counts here; false if there is none, or are several of
	// different namespaces.
	PodOf(netip.Addr) (zone.Key, bool)
}

// Config is an autopath directive.
type Config struct {
	// Zones are those whose names are looked at, lower-case with trailing dot.
	Zones []string
	// File is in the form of resolv.conf(5), and its search path that of every
	// client. With Kubernetes it is the host's, which follows the domains of the
	// cluster; if empty, /etc/resolv.conf, which may be missing.
	File string
	// Kubernetes is for the pods that Pods knows; a nil one knows none.
	Kubernetes bool
	Pods       Pods
	// Cluster are the zones of Services that pods have in their search path.
	Cluster []zone.Name

	Server  string   // of the server block, as metrics label it
	Metrics *Metrics // nil counts nothing
}

// Parse reads an autopath directive:
//
//	autopath [ZONES...] RESOLV-CONF|@kubernetes
//
// BlockZones are the zones of its server block, which count if the directive
// names none. The file is not read. Its errors are [*corefile.Error].
func Parse(d corefile.Directive, blockZones []string) (Config, error) {
	const usage = "zones, if any, and a file like /etc/resolv.conf or " + fromKubernetes
	if err := d.ArgCount(1, -1, usage); err != nil {
		return Config{}, err
	}
	last := len(d.Args) - 1
	c := Config{File: d.Args[last]}
	switch {
	case c.File == fromKubernetes:
		c.File, c.Kubernetes = "", true
	case c.File == "", c.File[0] == '@':
		return Config{}, d.Errorf("wants %s, got %q", usage, c.File)
	}
	rest := d
	rest.Args = d.Args[:last]
	zones, err := rest.Zones()
	if err != nil {
		return Config{}, err
	}
	if c.Zones = zones; len(zones) == 0 {
		c.Zones = slices.Clone(blockZones)
	}
	return c, d.NoBody()
}

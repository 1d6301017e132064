package autopath

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/miekg/dns"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
	"github.com/rollcall-dns/rollcall/zone"
)

// readSearch returns the search path in a file. One that does not exist has none
// if it may be missing.
func readSearch(path string, mayMiss bool) ([]zone.Name, error) {
	config, err := dns.ClientConfigFromFile(path)
	if mayMiss && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("autopath: search path: %w", err)
	}
	var search []zone.Name
	for _, text := range config.Search {
		name, err := zone.ParseName(text)
		if err != nil {
			return nil, fmt.Errorf("autopath: search path of %s: %q: %w", path, text, err)
		}
		search = append(search, name)
	}
	return search, nil
}

// path returns the search path of the client that asks, nil if it is not known.
// It may be the handler's own and is not to be changed.
func (h *Handler) path(q *resolver.Query) []zone.Name {
	if !h.config.Kubernetes {
		return h.search
	}
	if h.config.Pods == nil {
		return nil
	}
	apex := zone.Longest(h.config.Cluster, q.Name())
	if apex == "" {
		return nil
	}
	pod, ok := h.config.Pods.PodOf(q.Client.Addr())
	if !ok {
		return nil
	}
	services, ok := apex.Child("svc")
	if !ok {
		return nil
	}
	own, ok := services.Child(pod.Namespace)
	if !ok {
		return nil
	}
	return slices.Concat([]zone.Name{own, services, apex}, h.search)
}

// others returns the names that a client with a search path asks for after name,
// which must be below the first domain; the last one is in no search domain.
// There are none if it is not.
func others(name zone.Name, path []zone.Name) []zone.Name {
	if len(path) == 0 || name == path[0] || !name.IsBelow(path[0]) {
		return nil
	}
	base := name[:len(name)-len(path[0])]
	var names []zone.Name
	for _, domain := range append(slices.Clone(path[1:]), wire.Root) {
		next := base + domain
		if len(next) <= wire.MaxName && next != name && !slices.Contains(names, next) {
			names = append(names, next)
		}
	}
	return names
}

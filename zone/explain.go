package zone

import (
	"slices"
	"strings"

	"github.com/rollcall-dns/rollcall/internal/wire"
)

// Explain says why s, which must be a Snapshot of z, has no records of a type at a
// name: it walks the labels that the schema gives a name, and asks the objects for
// each. It reports false if there are such records, if the name is in no zone, and
// if it can't tell without waiting, as objects are being changed or have changed
// since.
//
// It takes a read lock, allocates, and looks at each endpoint of the Service that the
// name is of. The rest of the zones does not matter.
//
// Slow path.
func (z *Zone) Explain(s *Snapshot, name Name, typ uint16) (Reason, bool) {
	if !z.mu.TryRLock() {
		return Reason{}, false
	}
	defer z.mu.RUnlock()
	if z.current.Load() != s || !s.Synced {
		return Reason{}, false
	}
	e := explanation{z: z, s: s, typ: typ, Reason: Reason{Name: name}}
	for range maxChain {
		e.node = s.names.find(s.hash, []byte(e.Name))
		if e.node == nil || !e.node.alias || typ == wire.TypeCNAME {
			break
		}
		e.Name, e.Alias = Name(string(e.node.target())), true
	}
	i := longestApex(s.apexes, []byte(e.Name))
	if i < 0 {
		return Reason{}, false
	}
	e.apex = s.apexes[i]
	if e.node != nil && (e.node.alias || e.has(typ)) {
		return Reason{}, false
	}
	e.Code = e.code()
	return e.Reason, e.Code != Unknown
}

// explanation is a Reason being found.
type explanation struct {
	Reason
	z    *Zone
	s    *Snapshot
	typ  uint16
	node *node // of Name; nil if it does not exist
	apex Name
}

// has reports whether the name has records of a type.
func (e *explanation) has(typ uint16) bool {
	switch typ {
	case wire.TypeSOA:
		return e.Name == e.apex
	case wire.TypeANY:
		return !e.node.isBare()
	}
	found := false
	e.node.each(typ, false, func(_, _ []byte) bool { found = true; return false })
	return found
}

// code reads the name from the apex down.
func (e *explanation) code() Code {
	var labels []string
	for n := e.Name; n != e.apex; n = n.Parent() {
		labels = append(labels, n.Label())
	}
	slices.Reverse(labels)
	switch {
	case e.apex.IsReverse():
		return e.pointer()
	case len(labels) == 0:
		return e.bare()
	case labels[0] == "svc":
		return e.service(labels[1:])
	case labels[0] == "pod" && !e.imports():
		return e.pod(labels[1:])
	}
	return e.or(NoForm)
}

// imports reports whether the zone has ServiceImports for Services.
func (e *explanation) imports() bool { return slices.Contains(e.z.imports, e.apex) }

// or returns what a name lacks that exists, and code for one that does not.
func (e *explanation) or(code Code) Code {
	if e.node == nil {
		return code
	}
	return e.bare()
}

// bare returns what a name lacks that exists.
func (e *explanation) bare() Code {
	four, six := e.has(wire.TypeA), e.has(wire.TypeAAAA)
	switch {
	case e.typ == wire.TypeA && six, e.typ == wire.TypeAAAA && four:
		return OtherFamily
	case e.typ == wire.TypeSRV && (four || six) && e.Service != "" && e.Protocol == "":
		return NoPorts
	case e.node.isBare():
		return Empty
	}
	return OtherType
}

// namespace returns why there is no name of a Namespace, Unknown if there is.
func (e *explanation) namespace(label string, below Name) Code {
	e.Namespace = label
	name, ok := below.Child(label)
	if ok && e.s.names.find(e.s.hash, []byte(name)) != nil {
		return Unknown
	}
	if !e.z.shown(label) {
		return HiddenNamespace
	}
	return NoNamespace
}

// service explains labels below svc.<zone>, the Namespace's first.
func (e *explanation) service(labels []string) Code {
	if len(labels) == 0 {
		return e.bare()
	}
	if len(labels) > 1 {
		e.Service, e.Imported = labels[1], e.imports()
	}
	if code := e.namespace(labels[0], "\x03svc"+e.apex); code != Unknown {
		return code
	}
	if len(labels) == 1 {
		return e.bare()
	}
	key := Key{e.Namespace, e.Service}
	if e.Imported {
		if o, ok := e.z.objects[ServiceImports][key].(*ServiceImport); ok {
			return e.below(owner{o.Type, o.ClusterIPs, o.Ports, importOwner(key)}, labels[2:])
		}
		return e.or(NoService)
	}
	o, ok := e.z.objects[Services][key].(*Service)
	switch {
	case !ok:
		return e.or(NoService)
	case o.Type == ExternalName && len(labels) > 2:
		return BelowExternalName
	case o.Type == ExternalName:
		return e.or(BadTarget)
	}
	return e.below(owner{o.Type, slices.Clone(o.ClusterIPs), o.Ports, key}, labels[2:])
}

// pod explains labels below pod.<zone>, the Namespace's first.
func (e *explanation) pod(labels []string) Code {
	switch {
	case len(labels) == 0:
		return e.bare()
	case e.z.config.Pods == PodsDisabled:
		return PodNamesDisabled
	}
	if code := e.namespace(labels[0], "\x03pod"+e.apex); code != Unknown {
		return code
	}
	switch {
	case len(labels) == 1:
		return e.bare()
	case len(labels) > 2:
		return NoForm
	case e.node != nil:
		return e.bare()
	}
	a, ok := parseDashed([]byte(labels[1]))
	switch {
	case !ok:
		return NoPodAddress
	case e.z.config.Pods == PodsVerified:
		return NoPod
	case e.typ == wire.TypeA && a.Is6(), e.typ == wire.TypeAAAA && a.Is4():
		return OtherFamily
	case e.typ == wire.TypeA, e.typ == wire.TypeAAAA, e.typ == wire.TypeANY:
		return Unknown // it is there
	}
	return OtherType
}

// pointer explains a name in a reverse zone.
func (e *explanation) pointer() Code {
	const four, six = 4 + 2, 32 + 2 // labels of a whole address
	switch labels := e.Name.Labels(); {
	case e.node != nil:
		return e.bare()
	case strings.HasSuffix(string(e.Name), "\x07in-addr\x04arpa\x00") && labels == four, labels == six:
		return NoPointer
	}
	return NoForm
}

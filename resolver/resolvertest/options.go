package resolvertest

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
)

// Option says what a Server has, or how it answers. Where several have an object of one
// kind and name, typed objects come before texts, and those before files; of each the last
// counts.
type Option func(*config)

// config is what Options say.
type config struct {
	zone    string
	ipv6    bool
	paths   []string
	forward string
	ttl     time.Duration
	rotate  bool
	seed    uint64
	log     *slog.Logger
	// What is applied once the Server runs, before anybody knows of it: texts, then
	// objects all at once.
	texts   []string
	objects []runtime.Object
	feeds   []feed // they run until the Server is closed
	errs    []error
}

func (c *config) fail(err error) {
	if err != nil {
		c.errs = append(c.errs, err)
	}
}

// Dir has the objects of the manifests in a folder: files named *.yaml, *.yml and
// *.json, in it and the folders in it, but nothing whose name begins with a dot. They
// are read once, when the Server starts.
func Dir(path string) Option {
	return func(c *config) { c.paths = append(c.paths, path) }
}

// File has the objects of a manifest, of whatever name.
func File(path string) Option { return Dir(path) }

// YAML has the objects of a manifest's text: YAML or JSON, with any number of
// documents.
func YAML(text string) Option {
	return func(c *config) { c.texts = append(c.texts, text) }
}

// Objects has typed objects, such as *corev1.Service and *appsv1.StatefulSet. They
// stay the caller's.
func Objects(objects ...runtime.Object) Option {
	return func(c *config) { c.objects = append(c.objects, objects...) }
}

// StatefulSet has a StatefulSet of that name, or namespace/name, and the headless
// Service of the same name that governs it: its pods are web-0.web and so on. Ports
// are numbers such as "8080", with a name before it if it has one ("http=8080"), and a
// protocol behind it if that is not TCP ("dns=53/udp").
func StatefulSet(name string, replicas int, ports ...string) Option {
	return workload(name, ports, func(w *simple) []runtime.Object {
		return []runtime.Object{w.service(true), w.statefulSet(replicas)}
	})
}

// Deployment has a Deployment, and a Service with a ClusterIP of the same name for
// its pods. Ports are as for StatefulSet.
func Deployment(name string, replicas int, ports ...string) Option {
	return workload(name, ports, func(w *simple) []runtime.Object {
		return []runtime.Object{w.service(false), w.deployment(replicas)}
	})
}

// Service has a Service with a ClusterIP. It selects the pods with the label app that
// is its name, which those of StatefulSet and Deployment have. Ports are as for
// StatefulSet.
func Service(name string, ports ...string) Option {
	return workload(name, ports, func(w *simple) []runtime.Object {
		return []runtime.Object{w.service(false)}
	})
}

func workload(name string, ports []string, objects func(*simple) []runtime.Object) Option {
	return func(c *config) {
		w, err := newSimple(name, ports)
		if err != nil {
			c.fail(err)
			return
		}
		Objects(objects(w)...)(c)
	}
}

// Zone makes name the cluster's zone, in the place of cluster.local.
func Zone(name string) Option {
	return func(c *config) { c.zone = strings.ToLower(strings.TrimSuffix(name, ".")) }
}

// IPv6 has the Server listen on ::1, in the place of 127.0.0.1.
func IPv6() Option { return func(c *config) { c.ipv6 = true } }

// Forward has names that are not of the cluster looked up by the DNS server at addr,
// an IP address with or without a port. Without it they do not exist (NXDOMAIN).
func Forward(addr string) Option {
	return func(c *config) {
		_, err := netip.ParseAddrPort(addr)
		if err != nil {
			_, err = netip.ParseAddr(addr)
		}
		if err != nil {
			c.fail(fmt.Errorf("Forward(%q): want an IP address, or one with a port, of a DNS server", addr))
		}
		c.forward = addr
	}
}

// TTL is that of the cluster's records, in whole seconds up to an hour. It is 0 unless
// told otherwise, so that nobody keeps what a test is about to change.
func TTL(d time.Duration) Option {
	return func(c *config) {
		if d < 0 || d > time.Hour || d%time.Second != 0 {
			c.fail(fmt.Errorf("TTL(%s): want whole seconds from 0s to 1h", d))
		}
		c.ttl = d
	}
}

// LoadBalance begins the addresses of each answer at a random one, as cluster DNS
// does. Without it their order is always the same.
func LoadBalance() Option { return func(c *config) { c.rotate = true } }

// Seed is what the chance of faults follows from; 0 unless told otherwise.
func Seed(n uint64) Option { return func(c *config) { c.seed = n } }

// Logger is told what a Server has to say. NewServer's is that of its test, from
// warnings up; Start has none.
func Logger(l *slog.Logger) Option { return func(c *config) { c.log = l } }

package differ

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// A world is what the API server is given. No Service has a selector, so that
// nobody writes slices but this package.
type world struct {
	namespaces []string
	services   []*corev1.Service
	slices     []*discoveryv1.EndpointSlice

	vips, endpoints int // how many addresses were given out
}

// rounds is how many Services of each kind each namespace has.
const rounds = 3

// newWorld makes the world, the same each time. Some namespaces are called like
// parts of the schema.
func newWorld() *world {
	w := &world{namespaces: []string{"alpha", "beta", "svc", "pod", "10-0-0-1", "empty"}}
	for _, namespace := range w.namespaces[:5] {
		for round := range rounds {
			w.fill(namespace, round)
		}
	}
	w.service("kube-system", "kube-dns", corev1.ServiceSpec{
		ClusterIP: "10.96.0.10",
		Ports:     []corev1.ServicePort{port("dns", 53, corev1.ProtocolUDP), port("dns-tcp", 53, corev1.ProtocolTCP)},
	})
	for _, name := range []string{"svc", "pod", "default", "a10-0-0-1"} {
		w.service("alpha", name, corev1.ServiceSpec{ClusterIP: w.vip4(), Ports: []corev1.ServicePort{port("http", 80, corev1.ProtocolTCP)}})
	}
	// A slice whose Service is not there.
	w.slice("beta", "orphan", 0, discoveryv1.AddressTypeIPv4, webPorts,
		endpoint(netip.MustParseAddr("10.201.254.254"), "one", nil))
	// Sets that are too large for UDP, and one that is with its additional records.
	for _, crowd := range []struct {
		name string
		size int
	}{{"crowd", 100}, {"group", 17}} {
		w.service("alpha", crowd.name, corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, Ports: []corev1.ServicePort{port("http", 80, corev1.ProtocolTCP)}})
		endpoints := make([]discoveryv1.Endpoint, crowd.size)
		for i := range endpoints {
			endpoints[i] = w.endpoint4("", &yes)
		}
		w.slice("alpha", crowd.name, 0, discoveryv1.AddressTypeIPv4, webPorts, endpoints...)
	}
	w.service("alpha", "last", corev1.ServiceSpec{ClusterIP: w.vip4(), Ports: []corev1.ServicePort{port("http", 80, corev1.ProtocolTCP)}})
	return w
}

var (
	yes, no  = true, false
	webPorts = []discoveryv1.EndpointPort{slicePort("http", 8080, corev1.ProtocolTCP)}
)

// fill makes one Service of each kind.
func (w *world) fill(namespace string, round int) {
	http := []corev1.ServicePort{port("http", 80, corev1.ProtocolTCP)}
	both := corev1.IPFamilyPolicyRequireDualStack
	name := func(kind string) string { return fmt.Sprintf("%s-%d", kind, round) }
	headless := func(kind string, ports []corev1.ServicePort) string {
		n := name(kind)
		w.service(namespace, n, corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone, IPFamilyPolicy: &both, Ports: ports})
		return n
	}
	const v4, v6 = discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6

	// Services with addresses.
	w.service(namespace, name("plain"), corev1.ServiceSpec{ClusterIP: w.vip4(), Ports: http})
	w.service(namespace, name("unnamed"), corev1.ServiceSpec{ClusterIP: w.vip4(), Ports: []corev1.ServicePort{port("", 80, corev1.ProtocolTCP)}})
	four, six := w.vip4(), w.vip6()
	w.service(namespace, name("dual"), corev1.ServiceSpec{ClusterIP: four, ClusterIPs: []string{four, six}, IPFamilyPolicy: &both, Ports: http})
	w.service(namespace, name("six"), corev1.ServiceSpec{ClusterIP: w.vip6(), IPFamilies: []corev1.IPFamily{corev1.IPv6Protocol}, Ports: http})
	w.service(namespace, name("multi"), corev1.ServiceSpec{ClusterIP: w.vip4(), Ports: []corev1.ServicePort{
		port("dns", 53, corev1.ProtocolUDP), port("dns-tcp", 53, corev1.ProtocolTCP), port("sctp", 53, corev1.ProtocolSCTP), port("web", 8080, corev1.ProtocolTCP),
	}})
	w.service(namespace, name("backed"), corev1.ServiceSpec{ClusterIP: w.vip4(), Ports: http})
	w.slice(namespace, name("backed"), 0, v4, webPorts, w.endpoint4("", nil), w.endpoint4("host", nil), w.endpoint4("", &no))

	// Aliases.
	w.service(namespace, name("alias"), corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "db.example.com"})
	w.service(namespace, name("inside"), corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: name("plain") + "." + namespace + ".svc.cluster.local"})

	// Headless ones.
	n := headless("hosts", http)
	w.slice(namespace, n, 0, v4, webPorts, w.endpoint4("h-0", &yes), w.endpoint4("h-1", nil), w.endpoint4("h-2", &no))
	w.slice(namespace, n, 1, v6, webPorts, w.endpoint6("h-0", &yes), w.endpoint6("h-1", &yes))
	n = headless("flock", http)
	w.slice(namespace, n, 0, v4, webPorts, w.endpoint4("", &yes), w.endpoint4("", &yes))
	w.slice(namespace, n, 1, v6, webPorts, w.endpoint6("", &yes))
	n = headless("twice", http)
	shared := w.endpoint4("t-0", &yes)
	w.slice(namespace, n, 0, v4, webPorts, shared, w.endpoint4("t-1", &yes))
	w.slice(namespace, n, 1, v4, webPorts, shared, w.endpoint4("t-1", &yes))
	w.slice(namespace, headless("other", http), 0, v4, webPorts, shared) // the same address in a second Service
	w.slice(namespace, headless("portless", nil), 0, v4, nil, w.endpoint4("p-0", &yes))
	n = headless("ports", http)
	w.slice(namespace, n, 0, v4, []discoveryv1.EndpointPort{slicePort("a", 1, corev1.ProtocolTCP), slicePort("b", 2, corev1.ProtocolUDP)}, w.endpoint4("x-0", &yes))
	w.slice(namespace, headless("notready", http), 0, v4, webPorts, w.endpoint4("n-0", &no), w.endpoint4("", &no))
	leaving := w.endpoint4("l-0", &no)
	leaving.Conditions.Serving, leaving.Conditions.Terminating = &yes, &yes
	w.slice(namespace, headless("leaving", http), 0, v4, webPorts, leaving, w.endpoint4("l-1", &yes))
	headless("none", http)
	w.slice(namespace, headless("hollow", http), 0, v4, webPorts)
}

func (w *world) service(namespace, name string, spec corev1.ServiceSpec) {
	w.services = append(w.services, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: spec})
}

func (w *world) slice(namespace, service string, n int, family discoveryv1.AddressType, ports []discoveryv1.EndpointPort, endpoints ...discoveryv1.Endpoint) {
	w.slices = append(w.slices, &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: fmt.Sprintf("%s-%d", service, n),
			Labels: map[string]string{discoveryv1.LabelServiceName: service},
		},
		AddressType: family, Ports: ports, Endpoints: endpoints,
	})
}

func (w *world) endpoint4(hostname string, ready *bool) discoveryv1.Endpoint {
	w.endpoints++
	return endpoint(netip.AddrFrom4([4]byte{10, 201, byte(w.endpoints >> 8), byte(w.endpoints)}), hostname, ready)
}

func (w *world) endpoint6(hostname string, ready *bool) discoveryv1.Endpoint {
	w.endpoints++
	return endpoint(netip.MustParseAddr(fmt.Sprintf("fd00:201::%x", w.endpoints)), hostname, ready)
}

func endpoint(addr netip.Addr, hostname string, ready *bool) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{addr.String()}, Conditions: discoveryv1.EndpointConditions{Ready: ready}}
	if hostname != "" {
		e.Hostname = &hostname
	}
	return e
}

func (w *world) vip4() string {
	w.vips++
	return fmt.Sprintf("10.97.%d.%d", w.vips>>8, w.vips&255)
}

func (w *world) vip6() string {
	w.vips++
	return fmt.Sprintf("fd00:10:96::%x", 0x100+w.vips)
}

func port(name string, number int32, protocol corev1.Protocol) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: number, Protocol: protocol}
}

func slicePort(name string, number int32, protocol corev1.Protocol) discoveryv1.EndpointPort {
	return discoveryv1.EndpointPort{Name: &name, Port: &number, Protocol: &protocol}
}

// load writes the world to the API server with a few writers.
func (w *world) load(ctx context.Context, client kubernetes.Interface) error {
	var writes []func() error
	for _, namespace := range w.namespaces {
		_, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("creating namespace %s: %w", namespace, err)
		}
	}
	for _, s := range w.services {
		writes = append(writes, func() error {
			_, err := client.CoreV1().Services(s.Namespace).Create(ctx, s, metav1.CreateOptions{})
			return err
		})
	}
	for _, s := range w.slices {
		writes = append(writes, func() error {
			_, err := client.DiscoveryV1().EndpointSlices(s.Namespace).Create(ctx, s, metav1.CreateOptions{})
			return err
		})
	}
	work := make(chan func() error, len(writes))
	for _, write := range writes {
		work <- write
	}
	close(work)
	var group sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		group.Go(func() {
			for write := range work {
				if err := write(); err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("writing the world: %w", err)
		}
	}
	return nil
}

// dashed is the label of an endpoint without hostname.
func dashed(address string) string { return strings.NewReplacer(".", "-", ":", "-").Replace(address) }

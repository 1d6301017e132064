package resolvertest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/rollcall-dns/rollcall/zone"
)

// defaultNamespace is where objects are that are named without.
const defaultNamespace = "default"

// simple is a workload that is all defaults.
type simple struct {
	key   zone.Key
	ports []corev1.ServicePort
}

func newSimple(name string, ports []string) (*simple, error) {
	key, err := parseKey(name)
	if err != nil {
		return nil, err
	}
	w := &simple{key: key}
	for _, text := range ports {
		p, err := parsePort(text)
		if err != nil {
			return nil, fmt.Errorf("%s: port %q: %w", name, text, err)
		}
		w.ports = append(w.ports, p)
	}
	return w, nil
}

// parseKey reads a name, or namespace/name. The namespace is default if it is not
// given.
func parseKey(text string) (zone.Key, error) {
	namespace, name, found := strings.Cut(text, "/")
	if !found {
		namespace, name = defaultNamespace, text
	}
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		return zone.Key{}, fmt.Errorf("%q: want a name, or namespace/name", text)
	}
	return zone.Key{Namespace: namespace, Name: name}, nil
}

// parsePort reads [name=]number[/protocol].
func parsePort(text string) (p corev1.ServicePort, err error) {
	rest, protocol, _ := strings.Cut(text, "/")
	name, number, named := strings.Cut(rest, "=")
	if !named {
		name, number = "", rest
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || n == 0 {
		return p, errors.New(`want a number from 1 to 65535, as "8080", "http=8080" or "dns=53/udp"`)
	}
	p = corev1.ServicePort{Name: name, Port: int32(n), TargetPort: intstr.FromInt32(int32(n)), Protocol: corev1.ProtocolTCP}
	switch strings.ToLower(protocol) {
	case "", "tcp":
	case "udp":
		p.Protocol = corev1.ProtocolUDP
	case "sctp":
		p.Protocol = corev1.ProtocolSCTP
	default:
		return p, fmt.Errorf("protocol %q: want tcp, udp or sctp", protocol)
	}
	return p, nil
}

func (w *simple) meta() metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.key.Namespace, Name: w.key.Name, Labels: w.labels()}
}

func (w *simple) labels() map[string]string { return map[string]string{"app": w.key.Name} }

func (w *simple) selector() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: w.labels()}
}

func (w *simple) service(headless bool) *corev1.Service {
	s := &corev1.Service{ObjectMeta: w.meta(), Spec: corev1.ServiceSpec{Selector: w.labels(), Ports: w.ports}}
	if headless {
		s.Spec.ClusterIP = corev1.ClusterIPNone
	}
	return s
}

func (w *simple) statefulSet(replicas int) *appsv1.StatefulSet {
	n := int32(replicas)
	return &appsv1.StatefulSet{ObjectMeta: w.meta(), Spec: appsv1.StatefulSetSpec{
		Replicas: &n, ServiceName: w.key.Name, Selector: w.selector(), Template: w.template(),
	}}
}

func (w *simple) deployment(replicas int) *appsv1.Deployment {
	n := int32(replicas)
	return &appsv1.Deployment{ObjectMeta: w.meta(), Spec: appsv1.DeploymentSpec{
		Replicas: &n, Selector: w.selector(), Template: w.template(),
	}}
}

// template is that of the pods.
func (w *simple) template() corev1.PodTemplateSpec {
	container := corev1.Container{Name: "app", Image: "none"}
	for _, p := range w.ports {
		container.Ports = append(container.Ports, corev1.ContainerPort{Name: p.Name, ContainerPort: p.Port, Protocol: p.Protocol})
	}
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: w.labels()},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{container}},
	}
}

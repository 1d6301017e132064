package watch

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/rollcall-dns/rollcall/zone"
)

// A resource is how the API serves a kind.
type resource struct {
	group  schema.GroupVersion
	kind   string // as apiVersion's companion spells it
	object func() runtime.Object
	list   func() runtime.Object
	// fields restricts what the server sends, beside the labels.
	fields string
}

// resources has the resource of every kind. Nothing changes it.
var resources = map[zone.Kind]resource{
	zone.Namespaces: {
		group: corev1.SchemeGroupVersion, kind: "Namespace",
		object: func() runtime.Object { return new(corev1.Namespace) },
		list:   func() runtime.Object { return new(corev1.NamespaceList) },
	},
	zone.Services: {
		group: corev1.SchemeGroupVersion, kind: "Service",
		object: func() runtime.Object { return new(corev1.Service) },
		list:   func() runtime.Object { return new(corev1.ServiceList) },
	},
	zone.EndpointSlices: {
		group: discoveryv1.SchemeGroupVersion, kind: "EndpointSlice",
		object: func() runtime.Object { return new(discoveryv1.EndpointSlice) },
		list:   func() runtime.Object { return new(discoveryv1.EndpointSliceList) },
	},
	zone.Pods: {
		group: corev1.SchemeGroupVersion, kind: "Pod",
		object: func() runtime.Object { return new(corev1.Pod) },
		list:   func() runtime.Object { return new(corev1.PodList) },
		// A pod that ends leaves the selection, and so comes as deleted.
		fields: "status.phase!=Succeeded,status.phase!=Failed",
	},
	zone.ServiceImports: {
		group: importGroup, kind: "ServiceImport",
		object: func() runtime.Object { return new(serviceImport) },
		list:   func() runtime.Object { return new(serviceImportList) },
	},
}

// newScheme returns a scheme of just the types that resources names: the whole
// clientset would compile every API group in.
func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, r := range resources {
		s.AddKnownTypes(r.group, r.object(), r.list())
		if r.group == importGroup {
			s.AddKnownTypeWithName(r.group.WithKind("ServiceImport"), r.object())
			s.AddKnownTypeWithName(r.group.WithKind("ServiceImportList"), r.list())
		}
		metav1.AddToGroupVersion(s, r.group)
	}
	metav1.AddToGroupVersion(s, schema.GroupVersion{Version: "v1"})
	return s
}

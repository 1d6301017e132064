package watch

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The Multi-Cluster Services API (KEP-1645), as far as DNS depends on it. It
// is declared here because its module brings code generators along, and only
// these fields matter.
var importGroup = schema.GroupVersion{Group: "multicluster.x-k8s.io", Version: "v1alpha1"}

// The labels of EndpointSlices that were imported from another cluster.
const (
	labelImportedService = "multicluster.kubernetes.io/service-name"
	labelSourceCluster   = "multicluster.kubernetes.io/source-cluster"
)

// serviceImport is a multicluster.x-k8s.io ServiceImport.
type serviceImport struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              serviceImportSpec `json:"spec,omitempty"`
	// Status is declared so that it is no unknown field.
	Status runtime.RawExtension `json:"status,omitempty"`
}

type serviceImportSpec struct {
	Type  string              `json:"type"` // ClusterSetIP or Headless
	IPs   []string            `json:"ips,omitempty"`
	Ports []serviceImportPort `json:"ports,omitempty"`
	// The rest has no meaning for DNS.
	SessionAffinity       string               `json:"sessionAffinity,omitempty"`
	SessionAffinityConfig runtime.RawExtension `json:"sessionAffinityConfig,omitempty"`
	IPFamilies            []string             `json:"ipFamilies,omitempty"`
	InternalTrafficPolicy string               `json:"internalTrafficPolicy,omitempty"`
	TrafficDistribution   string               `json:"trafficDistribution,omitempty"`
}

type serviceImportPort struct {
	Name        string          `json:"name,omitempty"`
	Protocol    corev1.Protocol `json:"protocol,omitempty"`
	AppProtocol string          `json:"appProtocol,omitempty"`
	Port        int32           `json:"port"`
}

// serviceImportList is a list of them, as the API answers with.
type serviceImportList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []serviceImport `json:"items"`
}

// DeepCopyObject implements runtime.Object.
func (s *serviceImport) DeepCopyObject() runtime.Object {
	c := *s
	s.ObjectMeta.DeepCopyInto(&c.ObjectMeta)
	s.Status.DeepCopyInto(&c.Status)
	s.Spec.SessionAffinityConfig.DeepCopyInto(&c.Spec.SessionAffinityConfig)
	c.Spec.IPs = append([]string(nil), s.Spec.IPs...)
	c.Spec.Ports = append([]serviceImportPort(nil), s.Spec.Ports...)
	c.Spec.IPFamilies = append([]string(nil), s.Spec.IPFamilies...)
	return &c
}

// DeepCopyObject implements runtime.Object.
func (l *serviceImportList) DeepCopyObject() runtime.Object {
	c := *l
	l.ListMeta.DeepCopyInto(&c.ListMeta)
	c.Items = make([]serviceImport, len(l.Items))
	for i := range l.Items {
		c.Items[i] = *l.Items[i].DeepCopyObject().(*serviceImport)
	}
	return &c
}

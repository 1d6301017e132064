package binaries

// A Program is one main package to build.
type Program struct {
	Name    string // of the file that comes out
	Package string // its import path
	Module  string // the folder, below this module's, whose go.mod pins it
	// FromPath says that the machine's own program of this name serves as
	// well; it is built only where there is none.
	FromPath bool
}

const kubernetes = "binaries/kubernetes"

// The programs of a cluster. Kubectl may be whatever the machine has: all that
// the tests ask of it is to apply manifests.
var (
	Etcd              = Program{Name: "etcd", Package: "go.etcd.io/etcd/server/v3", Module: kubernetes}
	APIServer         = Program{Name: "kube-apiserver", Package: "k8s.io/kubernetes/cmd/kube-apiserver", Module: kubernetes}
	ControllerManager = Program{Name: "kube-controller-manager", Package: "k8s.io/kubernetes/cmd/kube-controller-manager", Module: kubernetes}
	Scheduler         = Program{Name: "kube-scheduler", Package: "k8s.io/kubernetes/cmd/kube-scheduler", Module: kubernetes}
	Kwok              = Program{Name: "kwok", Package: "sigs.k8s.io/kwok/cmd/kwok", Module: kubernetes}
	Kubectl           = Program{Name: "kubectl", Package: "k8s.io/kubernetes/cmd/kubectl", Module: kubernetes, FromPath: true}
)

// PeerFinder is what rollcall peers takes the place of.
var PeerFinder = Program{Name: "peer-finder", Package: "k8s.io/kubernetes/test/images/pets/peer-finder", Module: kubernetes}

// CoreDNS is the other implementation that answers are compared with.
var CoreDNS = Program{Name: "coredns", Package: "github.com/coredns/coredns", Module: "peers/coredns"}

// All are the programs that any test needs, in the order to build them.
func All() []Program {
	return []Program{Etcd, APIServer, ControllerManager, Scheduler, Kwok, Kubectl, PeerFinder, CoreDNS}
}

// stampFlags are the linker flags that tell Kubernetes' programs their version:
// without it they call themselves v0.0.0, and clients that parse that complain.
func stampFlags(version string) (flags string) {
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags += " -X " + pkg + ".gitVersion=" + version +
			" -X " + pkg + ".gitMajor=1 -X " + pkg + ".gitMinor=" + minor(version) +
			" -X " + pkg + ".gitTreeState=clean"
	}
	return flags
}

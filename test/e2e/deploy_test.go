package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// TestNothingButListAndWatch asks the API server what rollcall's account may do.
func TestNothingButListAndWatch(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	apply(t, ns, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: anybody}\n")
	other, err := shared.Kubeconfig(t.Context(), ns, "anybody")
	if err != nil {
		t.Fatal(err)
	}
	client, anybody := clientOf(t, kubeconfig), clientOf(t, other)

	// Everything that it may do beyond what any account may.
	for _, namespace := range []string{"kube-system", ns} {
		common := rules(t, anybody, namespace)
		for rule := range rules(t, client, namespace) {
			if verb, _, _ := strings.Cut(rule, " "); !common[rule] && verb != "list" && verb != "watch" {
				t.Errorf("in %s it may %s", namespace, rule)
			}
		}
	}

	// What it needs, and some of what it must not have.
	needs := []string{"services", "endpointslices.discovery.k8s.io"}
	never := []string{"secrets", "configmaps", "nodes", "endpoints", "deployments.apps", "leases.coordination.k8s.io"}
	verbs := []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
	for _, resource := range slices.Concat(needs, never) {
		for _, verb := range verbs {
			name, group, _ := strings.Cut(resource, ".")
			review, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), &authorizationv1.SelfSubjectAccessReview{
				Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
					Verb: verb, Group: group, Resource: name,
				}},
			}, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			want := slices.Contains(needs, resource) && (verb == "list" || verb == "watch")
			if got := review.Status.Allowed; got != want {
				t.Errorf("%s %s in all namespaces: allowed %v, want %v", verb, resource, got, want)
			}
		}
	}
}

func clientOf(t *testing.T, kubeconfig string) kubernetes.Interface {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1 // no rate limit
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// rules is what a client may do in a namespace, a line "VERB GROUP RESOURCE NAMES"
// for each.
func rules(t *testing.T, client kubernetes.Interface, namespace string) map[string]bool {
	t.Helper()
	review, err := client.AuthorizationV1().SelfSubjectRulesReviews().Create(t.Context(), &authorizationv1.SelfSubjectRulesReview{
		Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if review.Status.Incomplete {
		t.Fatalf("in %s the API server does not know all rules: %s", namespace, review.Status.EvaluationError)
	}
	lines := make(map[string]bool)
	for _, rule := range review.Status.ResourceRules {
		for _, verb := range rule.Verbs {
			for _, group := range rule.APIGroups {
				for _, resource := range rule.Resources {
					lines[fmt.Sprintf("%s %q %s %s", verb, group, resource, rule.ResourceNames)] = true
				}
			}
		}
	}
	return lines
}

// TestKustomizeBase puts the manifests before the API server's schema and
// admission, as an installation would.
func TestKustomizeBase(t *testing.T) {
	t.Parallel()
	out, err := shared.RunKubectl(t.Context(), "", "apply", "-k", *deploy, "--server-side", "--dry-run=server", "-o", "name")
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Fields(out)
	for _, kind := range []string{"serviceaccount/", "clusterrole.", "clusterrolebinding.", "configmap/", "deployment.apps/", "service/kube-dns"} {
		if !slices.ContainsFunc(got, func(name string) bool { return strings.HasPrefix(name, kind) }) {
			t.Errorf("no %s among what was applied: %s", strings.TrimRight(kind, "/."), got)
		}
	}
}

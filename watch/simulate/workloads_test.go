package simulate

import (
	"regexp"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// TestMade makes the pods of each kind of workload. A pod is written as its
// name, hostname.subdomain and labels.
func TestMade(t *testing.T) {
	const five, hash = `[b-z2-9]{5}`, `[b-z2-9]{8,10}`
	indexed := func(completions, parallelism int32) func(*batchv1.JobSpec) {
		mode := batchv1.IndexedCompletion
		return func(s *batchv1.JobSpec) {
			s.CompletionMode, s.Completions, s.Parallelism = &mode, &completions, &parallelism
		}
	}
	ordinals := statefulSet("web", "", 2)
	ordinals.Spec.Ordinals = &appsv1.StatefulSetOrdinals{Start: 5}
	byDefault := statefulSet("web", "", 0)
	byDefault.Spec.Replicas = nil
	long := strings.Repeat("x", 60)
	for _, tt := range []struct {
		name, reason string
		object       runtime.Object
		want         []string // regular expressions
	}{
		{"stateful", "ordinal names, the Service as subdomain, and the labels of name and index", statefulSet("web", "nginx", 2), []string{
			`web-0 web-0\.nginx app=web apps.kubernetes.io/pod-index=0 controller-revision-hash=web-` + hash + ` statefulset.kubernetes.io/pod-name=web-0`,
			`web-1 web-1\.nginx app=web apps.kubernetes.io/pod-index=1 controller-revision-hash=web-` + hash + ` statefulset.kubernetes.io/pod-name=web-1`,
		}},
		{"ordinals", "spec.ordinals.start, and no serviceName", ordinals, []string{
			`web-5 web-5\. app=web apps.kubernetes.io/pod-index=5 .*pod-name=web-5`,
			`web-6 web-6\. app=web apps.kubernetes.io/pod-index=6 .*pod-name=web-6`,
		}},
		{"by default", "one replica", byDefault, []string{`web-0 .*`}},
		{"none", "no replica", statefulSet("web", "", 0), nil},
		{"deployment", "through a ReplicaSet, with random ends", deployment("api", 2), []string{
			`api-` + hash + `-` + five + ` \. app=api pod-template-hash=` + hash,
			`api-` + hash + `-` + five + ` \. app=api pod-template-hash=` + hash,
		}},
		{"replica set", "random ends", replicaSet("api", 1), []string{`api-` + five + ` \. app=api`}},
		{"controller", "as a ReplicaSet", &corev1.ReplicationController{
			ObjectMeta: meta("old"), Spec: corev1.ReplicationControllerSpec{Template: new(template("old"))},
		}, []string{`old-` + five + ` \. app=old`}},
		{"daemons", "a pod for each of three invented nodes", daemonSet("agent"), []string{
			`agent-` + five + ` \. app=agent controller-revision-hash=` + hash + ` pod-template-generation=1`,
			`agent-` + five + ` .*`, `agent-` + five + ` .*`,
		}},
		{"job", "one pod, with the Job's name as label", job("work", nil), []string{
			`work-` + five + ` \. app=work batch.kubernetes.io/job-name=work job-name=work`,
		}},
		{"indexed", "a hostname and a label of the index; as many as run at a time", job("work", indexed(3, 2)), []string{
			`work-0-` + five + ` work-0\. app=work batch.kubernetes.io/job-completion-index=0 batch.kubernetes.io/job-name=work job-name=work`,
			`work-1-` + five + ` work-1\. app=work batch.kubernetes.io/job-completion-index=1 .*`,
		}},
		{"few indexes", "no more pods than completions", job("work", indexed(1, 5)), []string{`work-0-` + five + ` .*`}},
		{"suspended", "a Job that is to begin later", job("work", func(s *batchv1.JobSpec) { s.Suspend = new(true) }), nil},
		{"labels by hand", "with manualSelector the controller adds none", job("work", func(s *batchv1.JobSpec) { s.ManualSelector = new(true) }), []string{
			`work-` + five + ` \. app=work`,
		}},
		{"ended", "a Job that is complete has no pod", &batchv1.Job{
			ObjectMeta: meta("work"), Status: batchv1.JobStatus{Conditions: []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: "True"}}},
		}, nil},
		{"long name", "a generated name has 63 bytes at most", replicaSet(long, 1), []string{long[:58] + five + ` .*`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := expandAll(t, tt.object)
			if len(c.Pods) != len(tt.want) {
				t.Fatalf("pods %q, want %d; reason: %s", podNames(c), len(tt.want), tt.reason)
			}
			for i, p := range c.Pods {
				got := strings.Join(append([]string{p.Name, p.Spec.Hostname + "." + p.Spec.Subdomain}, sortedLabels(p.Labels)...), " ")
				if !regexp.MustCompile("^" + tt.want[i] + "$").MatchString(got) {
					t.Errorf("pod %d is %q, want %s; reason: %s", i, got, tt.want[i], tt.reason)
				}
				if metav1.GetControllerOf(p) == nil || p.Status.Phase != corev1.PodRunning || !ready(p) || len(p.Status.PodIPs) != 2 {
					t.Errorf("pod %d: owners %v, status %+v; want an owner, and a pod that runs", i, p.OwnerReferences, p.Status)
				}
			}
		})
	}
}

// TestWrittenPods: written pods that are a workload's own count as its
// replicas, and none is made twice.
func TestWrittenPods(t *testing.T) {
	owned := func(kind, owner string, change func(*corev1.Pod)) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.OwnerReferences = ownedBy(kind, owner)
			if change != nil {
				change(p)
			}
		}
	}
	ofDeployment := replicaSet("api-abc", 2)
	ofDeployment.OwnerReferences = ownedBy("Deployment", "api")
	onNode := func(p *corev1.Pod) { p.Spec.NodeName = "node-2" }
	index := func(p *corev1.Pod) { p.Annotations = map[string]string{batchv1.JobCompletionIndexAnnotation: "0"} }
	hashed := func(p *corev1.Pod) { p.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = "abc" }
	ended := func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }
	mode := batchv1.IndexedCompletion
	two := job("work", func(s *batchv1.JobSpec) {
		s.CompletionMode, s.Completions, s.Parallelism = &mode, new(int32(2)), new(int32(2))
	})
	for _, tt := range []struct {
		name, reason string
		objects      []runtime.Object
		pods         int
		has          string
	}{
		{"stateful", "by its name, owned or not", []runtime.Object{statefulSet("web", "", 2), written("web-1", "web", nil)}, 2, "web-1"},
		{"replica set", "owned", []runtime.Object{replicaSet("api", 3), written("given", "api", owned("ReplicaSet", "api", nil))}, 3, "given"},
		{"adopted", "a pod without owner that the selector matches", []runtime.Object{replicaSet("api", 3), written("given", "api", nil)}, 3, "given"},
		{"another's", "a pod with another owner is not adopted", []runtime.Object{replicaSet("api", 3), written("given", "api", owned("X", "x", nil))}, 4, "given"},
		{"ended", "what has ended is replaced", []runtime.Object{replicaSet("api", 3), written("given", "api", owned("ReplicaSet", "api", ended))}, 4, "given"},
		{"more than wanted", "what is written stays", []runtime.Object{
			replicaSet("api", 1), written("one", "api", owned("ReplicaSet", "api", nil)), written("two", "api", owned("ReplicaSet", "api", nil)),
		}, 2, "two"},
		{"deployment", "through its ReplicaSet, which is written too", []runtime.Object{
			deployment("api", 2), ofDeployment, written("given", "api", owned("ReplicaSet", "api-abc", nil)),
		}, 2, "given"},
		{"deployment alone", "its ReplicaSet is known by its name", []runtime.Object{
			deployment("api", 2), written("given", "api", owned("ReplicaSet", "api-abc", hashed)),
		}, 2, "given"},
		{"not adopted", "a Deployment's ReplicaSet wants a hash", []runtime.Object{deployment("api", 2), written("given", "api", nil)}, 3, "given"},
		{"daemon", "on its node", []runtime.Object{daemonSet("agent"), written("given", "agent", owned("DaemonSet", "agent", onNode))}, 3, "given"},
		{"index", "a completion index is not worked on twice", []runtime.Object{two, written("given", "work", owned("Job", "work", index))}, 2, "given"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := expandAll(t, tt.objects...)
			if len(c.Pods) != tt.pods || !strings.Contains(podNames(c), tt.has) {
				t.Errorf("pods %q, want %d and %s; reason: %s", podNames(c), tt.pods, tt.has, tt.reason)
			}
		})
	}
}

// TestScale: what is said of a workload's replicas stands over what is written.
func TestScale(t *testing.T) {
	given := func(name string) *corev1.Pod {
		return written(name, "api", func(p *corev1.Pod) { p.OwnerReferences = ownedBy("ReplicaSet", "api") })
	}
	for _, tt := range []struct {
		name, reason string
		objects      []runtime.Object
		of           string
		to           int
		want         string // a regular expression
	}{
		{"up", "more ordinals", []runtime.Object{statefulSet("web", "", 1)}, "StatefulSet", 3, "web-0 web-1 web-2"},
		{"down", "the last ordinals go", []runtime.Object{statefulSet("web", "", 3), written("web-2", "web", func(p *corev1.Pod) {
			p.OwnerReferences = ownedBy("StatefulSet", "web")
		})}, "StatefulSet", 1, "web-0"},
		{"none", "to nothing", []runtime.Object{replicaSet("api", 3)}, "ReplicaSet", 0, ""},
		{"written ones", "written pods go too", []runtime.Object{replicaSet("api", 3), given("a"), given("b"), given("c")}, "ReplicaSet", 2, "a b"},
		{"made ones first", "and stay while there is room", []runtime.Object{replicaSet("api", 3), given("a")}, "ReplicaSet", 2, "a api-....."},
		{"job", "its parallelism, within its completions", []runtime.Object{job("work", func(s *batchv1.JobSpec) { s.Completions = new(int32(2)) })}, "Job", 9, "work-..... work-....."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := map[string]string{"StatefulSet": "web", "ReplicaSet": "api", "Job": "work"}[tt.of]
			c := expand(t, &World{Objects: tt.objects, Scale: map[Workload]int{{tt.of, ns, name}: tt.to}})
			if got := podNames(c); !regexp.MustCompile("^" + tt.want + "$").MatchString(got) {
				t.Errorf("pods %q, want %s; reason: %s", got, tt.want, tt.reason)
			}
		})
	}
}

// TestRolls: a roll replaces all pods, written ones too.
func TestRolls(t *testing.T) {
	w := &World{
		Objects: []runtime.Object{
			statefulSet("web", "", 2), deployment("api", 2),
			written("web-0", "web", func(p *corev1.Pod) {
				p.OwnerReferences = ownedBy("StatefulSet", "web")
				p.Status.PodIP = "192.0.2.1"
			}),
		},
		Rolls: make(map[Workload]int),
	}
	seen := make(map[string]bool)
	for roll := range 5 {
		w.Rolls[Workload{"StatefulSet", ns, "web"}] = roll
		w.Rolls[Workload{"Deployment", ns, "api"}] = roll
		c := expand(t, w)
		if !strings.HasSuffix(podNames(c), " web-0 web-1") || len(c.Pods) != 4 {
			t.Errorf("roll %d: pods %q", roll, podNames(c))
		}
		for _, p := range c.Pods {
			for _, id := range []string{p.Status.PodIP, p.Name} {
				if seen[id] && !strings.HasPrefix(id, "web-") {
					t.Errorf("roll %d: %s was there before", roll, id)
				}
				seen[id] = true
			}
		}
	}
}

package join

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"

	"github.com/rollcall-dns/rollcall/test/process"
)

// gossips are three members of a gossip cluster. Who joins by one name takes it as it is,
// without the search path.
const gossips = `
apiVersion: v1
kind: Service
metadata: {name: gossip}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector: {app: gossip}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: gossip}
spec:
  serviceName: gossip
  replicas: 3
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: gossip}}
  template:
    metadata: {labels: {app: gossip}}
    spec:
      containers:
      - name: member
        image: example.org/member:1
        env:
        - {name: NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
        - {name: JOIN, value: gossip.$(NAMESPACE).svc.cluster.local}
        - {name: ` + role + `, value: member}
`

// TestMemberlist has members join by one name, with nothing but memberlist's own way to
// look it up: ANY over TCP.
func TestMemberlist(t *testing.T) {
	t.Parallel()
	ns := shared.Namespace(t)
	pods := statefulSet(t, ns, gossips)
	runAll(t, pods)
	var names []string
	for _, p := range pods {
		names = append(names, p.object.Name)
	}
	for _, p := range pods {
		err := process.Within(t.Context(), within, func(context.Context) error {
			text, err := os.ReadFile(p.log("member"))
			if err == nil && !strings.Contains(string(text), fmt.Sprintln("members:", names)) {
				err = fmt.Errorf("it says %q", text)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s does not know all members: %v", p.object.Name, err)
		}
	}
	if n := asked(t, "ANY"); n < len(pods) {
		t.Errorf("%d questions for ANY, want one of each member at least", n)
	}
}

// member is what runs in the pods: it joins by name until it knows all three, says so, and
// stays until it is killed.
func member() error {
	// Else it would be asked once ANY has no answer.
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("memberlist was to need nothing but ANY")
	}}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return err
	}
	config := memberlist.DefaultLANConfig()
	if config.Name, err = os.Hostname(); err != nil {
		return err
	}
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() && ip.IP.To4() != nil {
			config.BindAddr = ip.IP.String()
		}
	}
	var log bytes.Buffer
	config.LogOutput = &log
	m, err := memberlist.Create(config)
	if err != nil {
		return err
	}
	for m.NumMembers() < 3 {
		if _, err := m.Join([]string{os.Getenv("JOIN")}); err != nil {
			fmt.Println(err)
			time.Sleep(100 * time.Millisecond)
		}
	}
	var names []string
	for _, other := range m.Members() {
		names = append(names, other.Name)
	}
	slices.Sort(names)
	fmt.Println("members:", names)
	select {}
}

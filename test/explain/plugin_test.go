package explain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPeersDenied has a user who may not read what the names of the cluster are made of.
func TestPeersDenied(t *testing.T) {
	t.Parallel()
	ns := world(t)
	if err := shared.Apply(t.Context(), ns, few); err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := shared.Kubeconfig(t.Context(), ns, "few")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, func(ctx context.Context) error {
		cmd := exec.CommandContext(ctx, program, "peers", "nginx", "-ns", ns, "-kubeconfig", kubeconfig, "-timeout", "1s")
		out, err := cmd.CombinedOutput()
		for _, want := range []string{"the API server forbids list endpointslices", "the objects of the cluster did not come within 1s"} {
			if status := cmd.ProcessState.ExitCode(); status != 124 || !strings.Contains(string(out), want) {
				return fmt.Errorf("%v, status %d, want 124, and %q in\n%s", err, status, want, out)
			}
		}
		return nil
	})
}

// TestPlugin runs kubectl rollcall: the program under a plugin's name, in the cluster of
// kubectl's kubeconfig.
func TestPlugin(t *testing.T) {
	t.Parallel()
	ns := world(t)
	bin := t.TempDir()
	if err := os.Symlink(program, filepath.Join(bin, "kubectl-rollcall")); err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(bin, "nowhere")
	env := append(os.Environ(), "PATH="+bin, "HOME="+bin, "KUBECONFIG="+nowhere+string(os.PathListSeparator)+shared.AdminKubeconfig())
	tests := []struct {
		args   string
		status int
		want   string
		reason string
	}{
		{"plugin list", 0, filepath.Join(bin, "kubectl-rollcall"), "kubectl finds it"},
		{"rollcall explain nginx -n NS", 0, "nginx A AAAA, from a pod of namespace NS: resolves", "by kubectl's kubeconfig and flag"},
		{"rollcall --namespace NS explain web-1.nginx", 1, "is not Ready", "the exit status is the plugin's"},
		{"rollcall explain nginx -from NS/client", 0, "from Pod NS/client", "a pod of the cluster"},
		{"rollcall peers nginx -n NS", 0, "web-0.nginx.NS.svc.cluster.local\n", "found by the API, as no DNS of the cluster is reached from here"},
		{"rollcall peers nginx -n NS -o json -timeout 30s", 0, `"name":"web-0.nginx.NS.svc.cluster.local"`, "with peers' own flags"},
		{"rollcall zone", 0, "web-0.nginx.NS.svc.cluster.local.", "the whole zone"},
		{"rollcall explain nginx --context other", 2, `context "other" does not exist`, "a context that there is not"},
		{"rollcall peers nginx --context other", 1, `context "other" does not exist`, "likewise"},
	}
	for _, tt := range tests {
		eventually(t, func(ctx context.Context) error {
			cmd := exec.CommandContext(ctx, shared.Kubectl(), strings.Fields(strings.ReplaceAll(tt.args, "NS", ns))...)
			cmd.Env = env
			out, err := cmd.CombinedOutput()
			if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				return err
			}
			want := strings.ReplaceAll(tt.want, "NS", ns)
			if status := cmd.ProcessState.ExitCode(); status != tt.status || !strings.Contains(string(out), want) || strings.Contains(string(out), "warning") {
				return fmt.Errorf("kubectl %s: status %d, want %d, and %q (%s) in:\n%s", tt.args, status, tt.status, want, tt.reason, out)
			}
			return nil
		})
	}
}

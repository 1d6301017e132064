package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPluginArgs has command lines of kubectl rollcall, and what they are short for.
func TestPluginArgs(t *testing.T) {
	const text = `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
contexts:
- {name: shop, context: {cluster: c, user: u, namespace: shop}}
- {name: plain, context: {cluster: c, user: u}}
current-context: shop
`
	config := write(t, "config", text)
	other := write(t, "other", strings.ReplaceAll(text, "namespace: shop", "namespace: other"))
	missing := filepath.Join(t.TempDir(), "missing")
	t.Setenv("KUBECONFIG", missing+string(os.PathListSeparator)+config)
	tests := []struct {
		args, want string // or what is wrong
		reason     string
	}{
		{"explain web", "explain -kubeconfig CONFIG -from shop web", "the current context, and its namespace"},
		{"explain web -n prod", "explain -kubeconfig CONFIG -from prod web", "kubectl's flag, wherever it stands"},
		{"-n prod explain web", "explain -kubeconfig CONFIG -from prod web", "also before the command"},
		{"explain --namespace=prod web SRV", "explain -kubeconfig CONFIG -from prod web SRV", "its long form"},
		{"explain web --context plain", "explain -kubeconfig CONFIG -context plain -from default web", "a context without a namespace"},
		{"explain --kubeconfig OTHER web", "explain -kubeconfig OTHER -from other web", "another file"},
		{"explain web -from shop/cart-0", "explain -kubeconfig CONFIG web -from shop/cart-0", "the pod says which namespace"},
		{"explain -manifests DIR web", "explain -manifests DIR web", "not the cluster's objects"},
		{"explain -server 10.96.0.10 -n prod web", "explain -from prod -server 10.96.0.10 web", "a server has its own"},
		{"peers db -watch", "peers -kubeconfig CONFIG -ns shop db -watch", "peers' own flag of the namespace"},
		{"peers db -ns x", "peers -kubeconfig CONFIG db -ns x", "given as such"},
		{"peers db -exec cmd -n 1", "peers -kubeconfig CONFIG -ns shop db -exec cmd -n 1", "what follows -exec is the command's"},
		{"zone -o manifests", "zone -kubeconfig CONFIG -o manifests", "whole zones"},
		{"explain -h", "explain -h", "help needs no cluster"},
		{"", "help", "as kubectl alone"},
		{"--help", "help", "likewise"},
		{"-o json explain web", "explain -kubeconfig CONFIG -from shop -o json web", "the command's own flags before it"},
		{"-bogus", "no command, and -bogus is none of kubectl's flags", "a typing error"},
		{"help explain", "help explain", "likewise"},
		{"version", "version", "likewise"},
		{"zone -n prod", "zone prints zones as a whole", "nothing is passed over in silence"},
		{"serve", `unknown command "serve"`, "servers are no plugins"},
		{"nginx", `unknown command "nginx"`, "a typing error"},
		{"explain web -n", "-n needs a value", "nor a flag without one"},
		{"explain web -n=", "-n is empty", "nor an unset variable"},
	}
	replacer := strings.NewReplacer("CONFIG", config, "OTHER", other)
	for _, tt := range tests {
		args, err := pluginArgs(strings.Fields(replacer.Replace(tt.args)))
		if err != nil {
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q: error %v, want %q: %s", tt.args, err, tt.want, tt.reason)
			}
			continue
		}
		if diff := cmp.Diff(strings.Fields(replacer.Replace(tt.want)), args); diff != "" {
			t.Errorf("%q: %s (-want +got):\n%s", tt.args, tt.reason, diff)
		}
	}

	t.Setenv("KUBECONFIG", missing)
	if args, err := pluginArgs([]string{"explain", "web"}); err == nil || !strings.Contains(err.Error(), "no kubeconfig is there") {
		t.Errorf("without a kubeconfig: %q, %v", args, err)
	}
}

// TestPluginHelp has help speak of kubectl rollcall, and of nothing that the plugin has not.
func TestPluginHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"help"}, {"help", "explain"}, {"peers", "-h"}} {
		var out buffer
		if err := run(context.Background(), args, streams{out: &out, err: &out, plugin: true}); err != nil {
			t.Errorf("%q: %v", args, err)
		}
		text := out.String()
		for line := range strings.Lines(text) {
			if strings.HasPrefix(strings.TrimSpace(line), "rollcall ") {
				t.Errorf("%q: a line is not for the plugin: %s", args, line)
			}
		}
		if !strings.Contains(text, "kubectl rollcall ") || !strings.Contains(text, "--namespace") || strings.Contains(text, "rollcall serve") {
			t.Errorf("%q prints\n%s", args, text)
		}
	}
	for program, want := range map[string]bool{"/usr/bin/kubectl-rollcall": true, "kubectl-rollcall.exe": true, "rollcall": false, "kubectl": false} {
		if isPlugin(program) != want {
			t.Errorf("isPlugin(%q) = %v", program, !want)
		}
	}
}

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/client-go/tools/clientcmd"
)

// pluginName is the name of the binary by which kubectl finds it, as "kubectl rollcall".
const pluginName = "kubectl-rollcall"

// pluginCommands are what the plugin has of rollcall's commands.
var pluginCommands = []string{"peers", "zone", "explain", "version", "help"}

// pluginAbout is what the plugin's help says of flags.
const pluginAbout = `
As in kubectl, -n or --namespace, --context and --kubeconfig say where to look; without
them it is the current context, of $KUBECONFIG or ~/.kube/config.
`

// isPlugin reports whether the program was run by the plugin's name.
func isPlugin(program string) bool {
	return strings.TrimSuffix(filepath.Base(program), ".exe") == pluginName
}

// kubectlFlags are those that kubectl has for all of its commands, as far as they say where
// things are.
type kubectlFlags struct{ namespace, context, kubeconfig string }

// pluginArgs returns the command line of rollcall that one of "kubectl rollcall" stands
// for: kubectl's flags become those of the command, and the cluster is kubectl's unless
// others are named.
func pluginArgs(args []string) ([]string, error) {
	var f kubectlFlags
	args, err := f.take(args)
	if err != nil {
		return nil, err
	}
	for i, arg := range args {
		if slices.Contains(pluginCommands, arg) && find(arg).takes(args[:i]) {
			return f.commandLine(arg, slices.Concat(args[:i], args[i+1:]))
		}
	}
	switch {
	case len(args) == 0, isHelp(args[0]):
		return []string{"help"}, nil
	case strings.HasPrefix(args[0], "-"):
		return nil, fmt.Errorf("wrong usage: no command, and %s is none of kubectl's flags; kubectl rollcall help says more", args[0])
	}
	return nil, fmt.Errorf("unknown command %q (kubectl rollcall has: %s)", args[0], strings.Join(pluginCommands, ", "))
}

// commandLine returns the command line of a command with its own arguments.
func (f *kubectlFlags) commandLine(command string, args []string) ([]string, error) {
	switch {
	case command == "version" || command == "help":
		return append([]string{command}, args...), nil
	case command == "zone" && f.namespace != "":
		return nil, errors.New("wrong usage: zone prints zones as a whole, and takes no namespace")
	case !has(args, "manifests", "conf", "server", "h", "help"):
		if err := f.complete(); err != nil {
			return nil, err
		}
	}
	return slices.Concat([]string{command}, f.flags(command, args), args), nil
}

// take takes kubectl's flags out of a command line, up to where a command of its own begins.
func (f *kubectlFlags) take(args []string) (rest []string, err error) {
	for i := 0; i < len(args); i++ {
		if args[i] == "--" || isExec(args[i]) {
			return append(rest, args[i:]...), nil
		}
		name, value, joined := strings.Cut(args[i], "=")
		to, ok := map[string]*string{
			"-n": &f.namespace, "--namespace": &f.namespace, "--context": &f.context, "--kubeconfig": &f.kubeconfig,
			"-namespace": &f.namespace, "-context": &f.context, "-kubeconfig": &f.kubeconfig,
		}[name]
		if !ok {
			rest = append(rest, args[i])
			continue
		}
		if !joined {
			if i++; i == len(args) {
				return nil, fmt.Errorf("wrong usage: %s needs a value", name)
			}
			value = args[i]
		}
		if value == "" {
			return nil, fmt.Errorf("wrong usage: %s is empty", name)
		}
		*to = value
	}
	return rest, nil
}

// complete fills in what is not given: where kubectl finds its clusters, and the
// namespace of the context.
func (f *kubectlFlags) complete() error {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.kubeconfig
	files := []string{f.kubeconfig}
	if f.kubeconfig == "" {
		files = slices.DeleteFunc(rules.GetLoadingPrecedence(), func(path string) bool { return !exists(path) })
	}
	if len(files) == 0 {
		return errors.New("no kubeconfig is there, neither of $KUBECONFIG nor ~/.kube/config: name one with --kubeconfig")
	}
	f.kubeconfig = strings.Join(files, string(os.PathListSeparator))
	if f.namespace == "" {
		config := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: f.context})
		// What is wrong with a kubeconfig the command tells in its own words.
		f.namespace, _, _ = config.Namespace()
	}
	return nil
}

// flags returns f as flags of a command, without a namespace where the command's own
// flags say which.
func (f *kubectlFlags) flags(command string, args []string) (flags []string) {
	namespace := map[string]string{"peers": "ns", "explain": "from"}[command]
	if has(args, namespace) {
		namespace = ""
	}
	for _, own := range [][2]string{{"kubeconfig", f.kubeconfig}, {"context", f.context}, {namespace, f.namespace}} {
		if own[0] != "" && own[1] != "" {
			flags = append(flags, "-"+own[0], own[1])
		}
	}
	return flags
}

// has reports whether a command line has one of the flags.
func has(args []string, names ...string) bool {
	for _, arg := range args {
		if arg == "--" || isExec(arg) {
			return false
		}
		name, _, _ := strings.Cut(arg, "=")
		if flag, ok := strings.CutPrefix(name, "-"); ok && slices.Contains(names, strings.TrimPrefix(flag, "-")) {
			return true
		}
	}
	return false
}

package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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

// runPlugin executes a command line of "kubectl rollcall": kubectl's flags become those of
// the command, and the cluster is kubectl's unless others are named.
func runPlugin(ctx context.Context, args []string, s streams) error {
	c, args, err := pluginArgs(args)
	switch {
	case c.name == "":
		return err
	case err != nil:
		return &exitError{c.status, err}
	}
	return c.run(ctx, args, s)
}

// pluginArgs returns the command of a command line of the plugin, none if it is not known,
// and what rollcall would be given.
func pluginArgs(args []string) (command, []string, error) {
	var f kubectlFlags
	args, wrong := f.take(args)
	switch {
	case len(args) == 0 || isHelp(args[0]):
		return find("help"), nil, wrong
	case args[0] == "-version" || args[0] == "--version":
		return find("version"), args[1:], wrong
	}
	c, rest, ok := split(args)
	switch {
	case !ok && strings.HasPrefix(args[0], "-"):
		return command{}, nil, fmt.Errorf("wrong usage: no command, and %s is none of kubectl's flags; kubectl rollcall help says more", args[0])
	case !inPlugin(c.name):
		return command{}, nil, unknownToPlugin(cmp.Or(c.name, args[0]))
	}
	if wrong == nil {
		rest, wrong = f.apply(c, rest)
	}
	return c, rest, wrong
}

func inPlugin(name string) bool { return slices.Contains(pluginCommands, name) }

func unknownToPlugin(name string) error {
	return fmt.Errorf("unknown command %q (kubectl rollcall has: %s)", name, strings.Join(pluginCommands, ", "))
}

// apply returns a command's arguments with f as flags of its own: they say where to look
// unless the arguments do.
func (f *kubectlFlags) apply(c command, args []string) ([]string, error) {
	if !slices.Contains([]string{"peers", "zone", "explain"}, c.name) {
		return args, nil
	}
	if c.name == "zone" && f.namespace != "" {
		return nil, errors.New("wrong usage: zone prints zones as a whole, and takes no namespace")
	}
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	c.flags(set)
	operands, err := parseAnywhere(set, args)
	if err != nil {
		return args, nil // which the command tells, or it is for help
	}
	given := map[string]bool{}
	set.Visit(func(own *flag.Flag) { given[own.Name] = true })
	elsewhere := given["manifests"] || given["conf"] || given["server"] || c.name == "zone" && len(operands) > 0
	if !elsewhere {
		if err := f.complete(); err != nil {
			return nil, err
		}
	}
	namespace := map[string]string{"peers": "ns", "explain": "from"}[c.name]
	if given[namespace] {
		namespace = ""
	}
	var own []string
	for _, one := range [][2]string{{"kubeconfig", f.kubeconfig}, {"context", f.context}, {namespace, f.namespace}} {
		if one[0] != "" && one[1] != "" {
			own = append(own, "-"+one[0], one[1])
		}
	}
	return slices.Concat(own, args), nil
}

// take takes kubectl's flags out of a command line, up to where a command of its own begins.
func (f *kubectlFlags) take(args []string) (rest []string, wrong error) {
	for i := 0; i < len(args); i++ {
		if args[i] == "--" || isExec(args[i]) {
			return append(rest, args[i:]...), wrong
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
				return rest, fmt.Errorf("wrong usage: %s needs a value", name)
			}
			value = args[i]
		}
		if value == "" {
			wrong = fmt.Errorf("wrong usage: %s is empty", name)
		}
		*to = value
	}
	return rest, wrong
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

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer

	args     []string // the command line
	isolated bool     // it is run again by rollcall run, in a network of its own
	plugin   bool     // it is run by kubectl, as its plugin
}

// program is what the program is called on a command line.
func (s streams) program() string {
	if s.plugin {
		return "kubectl rollcall"
	}
	return "rollcall"
}

// command is a subcommand.
type command struct {
	name, args, short string
	status            int    // of the process if it fails; that of an exitError, if it has one
	about             string // what help says before the flags
	// flags declares the flags and returns what runs once they are parsed,
	// with the arguments that are left.
	flags func(*flag.FlagSet) func(ctx context.Context, args []string, s streams) error
}

func commands() []command {
	return []command{
		{"serve", "", "answer DNS questions (also what rollcall alone does)", 1, "", serveCommand},
		{"run", "-- COMMAND...", "run a command that asks a server of its own", statusFailed, "", runCommand},
		{"peers", "SERVICE", "find and follow the peers of a pod by DNS", 1, peersAbout, peersCommand},
		{"zone", "[PATH...]", "print the zones as master files, or as manifests", 1, "", zoneCommand},
		{"explain", "NAME [TYPE]", "say why a name does or does not resolve", statusUsage, explainAbout, explainCommand},
		{"check", "[COREFILE|PATH...]", "check a Corefile and the files that it names, or manifests alone", 1, "", checkCommand},
		{"version", "", "print the version", 1, "", versionCommand},
		{"help", "[COMMAND]", "print this, or a command's flags", 1, "", helpCommand},
	}
}

// run executes a command line without the program's name. The command may stand
// after flags of its own; without one it is serve, and help is about all.
func run(ctx context.Context, args []string, s streams) error {
	s.args = args
	if s.plugin {
		var err error
		if args, err = pluginArgs(args); err != nil {
			return err
		}
	}
	for i, arg := range args {
		if isCommand(arg) && find(arg).takes(args[:i]) {
			return find(arg).run(ctx, slices.Concat(args[:i], args[i+1:]), s)
		}
	}
	if len(args) == 1 && isHelp(args[0]) {
		return find("help").run(ctx, nil, s)
	}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return fmt.Errorf("unknown command %q (known: %s); rollcall help says more", args[0], commandNames())
	}
	return find("serve").run(ctx, args, s)
}

func isHelp(arg string) bool { return slices.Contains([]string{"-h", "-help", "--h", "--help"}, arg) }

// takes reports whether args are whole flags of the command, so that what
// follows them is no flag's value.
func (c command) takes(args []string) bool {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	c.flags(set)
	return set.Parse(args) == nil && set.NArg() == 0
}

func isCommand(arg string) bool {
	return slices.ContainsFunc(commands(), func(c command) bool { return c.name == arg })
}

func commandNames() string {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return strings.Join(names, ", ")
}

func find(name string) command {
	all := commands()
	return all[slices.IndexFunc(all, func(c command) bool { return c.name == name })]
}

func (c command) run(ctx context.Context, args []string, s streams) error {
	err := c.execute(ctx, args, s)
	if err == nil || errors.As(err, new(*exitError)) {
		return err
	}
	return &exitError{c.status, err}
}

func (c command) execute(ctx context.Context, args []string, s streams) error {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	execute := c.flags(set)
	check := strict(set)
	rest, err := parseAnywhere(set, args)
	if errors.Is(err, flag.ErrHelp) {
		return c.help(s)
	}
	if err == nil {
		err = check()
	}
	if err != nil {
		remedy := ""
		if _, name, found := strings.Cut(err.Error(), "not defined: -"); found {
			switch c.name {
			case "run":
				remedy = " (flags of a command go after --)"
			case "peers":
				remedy = peersRemedy(name)
			}
		}
		return fmt.Errorf("wrong usage: %w%s; %s help %s says more", err, remedy, s.program(), c.name)
	}
	return execute(ctx, rest, s)
}

// parseAnywhere parses flags before, between and after the other arguments,
// which it returns. What follows "--" is no flag, and neither are -exec and what
// follows it, where there is such a flag: they are the end of rest.
func parseAnywhere(set *flag.FlagSet, args []string) (rest []string, err error) {
	if at := slices.IndexFunc(args, isExec); at >= 0 && set.Lookup("exec") != nil {
		rest, err := parseAnywhere(set, args[:at])
		return slices.Concat(rest, []string{execMark}, args[at+1:]), err
	}
	for {
		if err := set.Parse(args); err != nil {
			return nil, err
		}
		left := set.Args()
		if len(left) == 0 {
			return rest, nil
		}
		if at := len(args) - len(left); at > 0 && args[at-1] == "--" {
			return append(rest, left...), nil
		}
		rest, args = append(rest, left[0]), left[1:]
	}
}

func isExec(arg string) bool { return arg == execMark || arg == "-"+execMark }

// help prints the command's usage, what it is about, and its flags.
func (c command) help(s streams) error {
	var text strings.Builder
	c.describe(&text)
	program := s.program()
	_, err := io.WriteString(s.out, strings.NewReplacer("\n  rollcall ", "\n  "+program+" ").Replace(program+text.String()))
	if err == nil && s.plugin {
		_, err = io.WriteString(s.out, pluginAbout)
	}
	return err
}

// describe writes what help prints, after the program's name.
func (c command) describe(w io.Writer) {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.flags(set)
	var flags strings.Builder
	set.SetOutput(&flags)
	set.PrintDefaults()
	usage := []string{"", c.name}
	if flags.Len() > 0 {
		usage = append(usage, "[FLAGS]")
	}
	if c.args != "" {
		usage = append(usage, c.args)
	}
	fmt.Fprintf(w, "%s\n\n%s.\n%s", strings.Join(usage, " "), strings.ToUpper(c.short[:1])+c.short[1:], c.about)
	if flags.Len() > 0 {
		fmt.Fprintf(w, "\nFlags (one dash or two; before or after other arguments):\n\n%s", flags.String())
	}
}

func helpCommand(*flag.FlagSet) func(context.Context, []string, streams) error {
	return func(_ context.Context, args []string, s streams) error {
		if len(args) > 1 {
			return fmt.Errorf("help takes one command, got %q too", args[1])
		}
		if len(args) > 0 {
			if !isCommand(args[0]) {
				return fmt.Errorf("unknown command %q (known: %s)", args[0], commandNames())
			}
			return find(args[0]).help(s)
		}
		fmt.Fprint(s.out, "Rollcall answers DNS questions about Kubernetes Services and pods.\n\n")
		for _, c := range commands() {
			if !s.plugin || slices.Contains(pluginCommands, c.name) {
				fmt.Fprintf(s.out, "  %s %-8s %-18s %s\n", s.program(), c.name, c.args, c.short)
			}
		}
		fmt.Fprintf(s.out, "\n%s help COMMAND prints a command's flags.\n", s.program())
		if s.plugin {
			fmt.Fprint(s.out, pluginAbout)
		}
		return nil
	}
}

func versionCommand(*flag.FlagSet) func(context.Context, []string, streams) error {
	return func(_ context.Context, args []string, s streams) error {
		if len(args) > 0 {
			return fmt.Errorf("version takes no arguments, got %q", args[0])
		}
		return printVersion(s.out)
	}
}

func printVersion(w io.Writer) error {
	version, revision := buildVersion()
	_, err := fmt.Fprintf(w, "rollcall %s %s\n", version, revision)
	return err
}

// buildVersion returns the module's version and the revision that it was built
// from, as the go command stamped them.
func buildVersion() (version, revision string) {
	version, revision = "devel", "unknown"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version, revision
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		version = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return version, revision
}

// newLogger returns the process's log: to standard error, as text.
func newLogger(w io.Writer) *slog.Logger { return newLeveledLogger(w, slog.LevelInfo) }

// newQuietLogger returns one of what is wrong alone.
func newQuietLogger(w io.Writer) *slog.Logger { return newLeveledLogger(w, slog.LevelError) }

func newLeveledLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// exists reports whether there is a file at path.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

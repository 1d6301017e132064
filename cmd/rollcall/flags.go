package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/rollcall-dns/rollcall/zone"
)

// stringList is a flag that may be repeated.
type stringList []string

func (l *stringList) String() string { return strings.Join(*l, ",") }

// Set adds a value.
func (l *stringList) Set(s string) error {
	*l = append(*l, s)
	return nil
}

// duration is a flag as flag.Duration makes, which says what it wants.
type duration time.Duration

func (d *duration) String() string { return time.Duration(*d).String() }

// Set sets the value.
func (d *duration) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil {
		return errors.New("want a duration such as 30s")
	}
	*d = duration(v)
	return nil
}

// bound returns a context that ends after the duration of -timeout, and its error then:
// what did not come.
func (d *duration) bound(ctx context.Context, missing string) (context.Context, context.CancelFunc, error) {
	if *d <= 0 {
		return nil, nil, fmt.Errorf("-timeout %s: want a duration above 0", d)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(*d), fmt.Errorf("%s within %s (-timeout waits longer)", missing, d))
	return ctx, cancel, nil
}

// configMapKey is a flag that names a ConfigMap: [NAMESPACE/]NAME.
type configMapKey zone.Key

// configMapNamespace is where a ConfigMap is that is named without.
const configMapNamespace = "kube-system"

func (k *configMapKey) String() string {
	if *k == (configMapKey{}) {
		return ""
	}
	return k.Namespace + "/" + k.Name
}

// Set sets the value. Of an empty one strict tells.
func (k *configMapKey) Set(s string) error {
	namespace, name, found := strings.Cut(s, "/")
	if !found {
		namespace, name = configMapNamespace, s
	}
	if problems := slices.Concat(validation.IsDNS1123Label(namespace), validation.IsDNS1123Subdomain(name)); s != "" && len(problems) > 0 {
		return errors.New("want [NAMESPACE/]NAME, such as kube-dns or kube-system/kube-dns")
	}
	*k = configMapKey{namespace, name}
	return nil
}

// declareConfigMap declares the flag of kube-dns's ConfigMap.
func declareConfigMap(set *flag.FlagSet) *configMapKey {
	k := new(configMapKey)
	set.Var(k, "kube-dns-configmap", "serve what kube-dns's ConfigMap `[NAMESPACE/]NAME` says too, as it changes: stubDomains and upstreamNameservers (NAMESPACE is "+configMapNamespace+" if not given)")
	return k
}

// declareControl declares the flag of the control API.
func declareControl(set *flag.FlagSet, addr *string) {
	set.StringVar(addr, "control", "", "let tests change objects, spoil answers and look at queries by HTTP at `ADDR`: unix:PATH, "+
		"or host:port of the loopback interface (see docs/control.md; off by default)")
}

// strict has the flags of a set watched, and returns what says, once they are
// parsed, whether one that can't be repeated was, or one is empty: package flag
// lets the last of several win, and an unset shell variable pass for a default.
func strict(set *flag.FlagSet) (check func() error) {
	set.VisitAll(func(f *flag.Flag) { f.Value = &watchedValue{Value: f.Value} })
	return func() error {
		var errs []error
		set.Visit(func(f *flag.Flag) {
			v := f.Value.(*watchedValue)
			_, repeatable := v.Value.(*stringList)
			switch {
			case v.empty && f.Name == "kubeconfig":
				errs = append(errs, errors.New("-kubeconfig is empty: is $KUBECONFIG set?"))
			case v.empty:
				errs = append(errs, fmt.Errorf("-%s is empty", f.Name))
			case v.times > 1 && !repeatable:
				errs = append(errs, fmt.Errorf("-%s is given %d times", f.Name, v.times))
			}
		})
		return errors.Join(errs...)
	}
}

// watchedValue is a flag's value that knows how it was set.
type watchedValue struct {
	flag.Value
	times int
	empty bool
}

// Set sets the value.
func (v *watchedValue) Set(s string) error {
	v.times++
	v.empty = v.empty || s == ""
	return v.Value.Set(s)
}

// IsBoolFlag reports whether the flag may stand without a value.
func (v *watchedValue) IsBoolFlag() bool {
	b, ok := v.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

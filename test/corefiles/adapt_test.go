package corefiles

import (
	"cmp"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// adapt replaces in a Corefile what a test can't have, and keeps all else, line by
// line. Text that is imported into a server block begins at depth 1, a Corefile
// at 0.
func (s *subject) adapt(text string, depth int) string {
	var out strings.Builder
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	directive := "" // that a line of depth 2 is in
	for i, line := range lines {
		words := strings.Fields(line)
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
			out.WriteString(line + "\n")
			continue
		case depth == 0:
			words = s.adaptTop(words)
			if words[0] != "import" && words[0][0] != '(' && !has("bind", lines[i+1:]) {
				words = append(words, "\n    bind 127.0.0.1")
			}
		case depth == 1:
			directive = words[0]
			words = s.adaptDirective(words)
			if directive == "kubernetes" && !has("endpoint", lines[i+1:]) {
				words = s.addKubeconfig(words)
			}
		case depth == 2:
			words = s.adaptOption(directive, words)
		}
		for _, w := range words {
			switch w {
			case "{":
				depth++
			case "}":
				depth--
			}
		}
		out.WriteString(indent + strings.Join(words, " ") + "\n")
	}
	return out.String()
}

// has reports whether the server block that lines are the rest of has a directive or
// an option.
func has(name string, lines []string) bool {
	for _, line := range lines {
		if strings.HasPrefix(line, "}") {
			return false
		}
		if words := strings.Fields(line); len(words) > 0 && words[0] == name {
			return true
		}
	}
	return false
}

// adaptTop adapts a line outside of server blocks: an import, or a block's keys.
func (s *subject) adaptTop(words []string) []string {
	if words[0] == "import" {
		words[1] = s.file(words[1])
		return words
	}
	for i, key := range words {
		if key == "{" || key[0] == '(' {
			break
		}
		zone, port := key, "53"
		if j := strings.LastIndexByte(key, ':'); j >= 0 {
			zone, port = key[:j], key[j+1:]
		}
		if strings.HasPrefix(port, "{$") {
			s.ports["53"] = os.Getenv(strings.Trim(port, "{$}"))
			continue
		}
		words[i] = zone + ":" + s.port(port)
	}
	return words
}

// defaultAddress is where endpoints listen that name no address.
var defaultAddress = map[string]string{"health": ":8080", "ready": ":8181", "prometheus": "localhost:9153", "pprof": "localhost:6053"}

// adaptDirective adapts the first line of a directive.
func (s *subject) adaptDirective(words []string) []string {
	switch name := words[0]; name {
	case "bind":
		return []string{"bind", "127.0.0.1"}
	case "health", "ready", "prometheus", "pprof":
		if len(words) == 1 || words[1] == "{" {
			words = slices.Insert(words, 1, defaultAddress[name])
		}
		words[1] = "127.0.0.1:" + s.port(words[1])
	case "forward", "import":
		for i, w := range words[1:] {
			words[i+1] = s.upstream(w)
			if name == "import" && words[i+1] == w {
				words[i+1] = s.file(w)
			}
		}
	case "hosts", "tls", "root":
		for i, w := range words {
			words[i] = s.file(w)
		}
	}
	return words
}

// addKubeconfig adds to the first line of a kubernetes directive how the API server
// is reached.
func (s *subject) addKubeconfig(words []string) []string {
	path := kubeconfigs[cmp.Or(s.trial.account, "coredns")]
	if words[len(words)-1] != "{" {
		return append(words, "{\n        kubeconfig "+path+"\n    }")
	}
	return append(words, "\n        kubeconfig "+path)
}

// adaptOption adapts an option of a directive.
func (s *subject) adaptOption(directive string, words []string) []string {
	switch directive + " " + words[0] {
	case "kubernetes endpoint":
		words[1] = shared.URL()
	case "kubernetes tls", "forward tls":
		for i, w := range words {
			words[i] = s.file(w)
		}
	case "acl allow", "acl block", "acl filter", "acl drop":
		for i, w := range words {
			if after, ok := strings.CutPrefix(w, "192."); ok {
				words[i] = "127." + after
			}
		}
	}
	return words
}

// file returns where a file is in the test's folder, if it has an absolute path.
func (s *subject) file(path string) string {
	if strings.HasPrefix(path, "/") {
		return s.dir + path
	}
	return path
}

// port returns the port that stands for one of the Corefile's, or for an address
// with one.
func (s *subject) port(of string) string {
	if s.ports[of] == "" {
		s.ports[of] = freePort(s.t)
	}
	return s.ports[of]
}

// upstream returns what stands for an upstream, and anything else as it is.
func (s *subject) upstream(text string) string {
	plain := strings.Trim(text, `"`)
	scheme, bare := "", plain
	for _, known := range []string{"dns://", "tls://"} {
		if after, ok := strings.CutPrefix(plain, known); ok {
			scheme, bare = known, after
		}
	}
	_, errAddr := netip.ParseAddr(bare)
	_, errPort := netip.ParseAddrPort(bare)
	if errAddr != nil && errPort != nil && plain != "/etc/resolv.conf" {
		return text
	}
	if r, ok := s.trial.unbounds[plain]; ok {
		u := s.unbounds[plain]
		if u == nil {
			u = startUnbound(s.t, r)
			s.unbounds[plain] = u
		}
		if scheme == "tls://" {
			return scheme + u.TLS.String()
		}
		return scheme + u.Addr.String()
	}
	r := s.relays[plain]
	if r == nil {
		r = startRelay(s.t, upstreams[cmp.Or(s.trial.upstreams[plain], world)])
		s.relays[plain] = r
	}
	if scheme == "tls://" {
		return scheme + r.tlsAddr
	}
	return strings.Replace(text, bare, r.addr, 1)
}

// normal is how a line is spoken of: its words, without the brace that opens a
// block; empty for what says nothing.
func normal(line string) string {
	words := strings.Fields(line)
	if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "#") }); i >= 0 {
		words = words[:i]
	}
	if n := len(words); n > 0 && (words[n-1] == "{" || words[0] == "}") {
		words = words[:n-1]
	}
	return strings.Join(words, " ")
}

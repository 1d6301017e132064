package assemble_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dns/rollcall/internal/assemble"
	"github.com/rollcall-dns/rollcall/internal/dnstest"
)

// unread is a standard input that nobody may read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("standard input was read")
	return 0, os.ErrClosed
}

// TestCheckHandlers checks what serve would find wrong in files that handlers
// read.
func TestCheckHandlers(t *testing.T) {
	t.Chdir(t.TempDir())
	const zone = "$ORIGIN a.example.\n@ 60 IN SOA ns. h. 1 1 1 1 60\n"
	for name, text := range map[string]string{
		"resolv.conf": "nameserver 192.0.2.1\nsearch a.example\n",
		"bad.conf":    "search a..b\n",
		"none.conf":   "# no server\n",
		"good.zone":   zone,
		"bad.zone":    zone + "www 60 IN A 10.0.0.999\n",
		"empty.pem":   "",
		"secrets":     "00112233445566778899aabbccddeeff\n",
		"junk":        "hello\n",
		"hosts":       "10.0.0.1 a.example\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dnstest.Certificate(t, ".", "a.example")
	if err := os.Mkdir("sub", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename("good.zone", filepath.Join("sub", "good.zone")); err != nil {
		t.Fatal(err)
	}
	const none = "open nope: no such file or directory"
	tests := []struct {
		name, text string
		want       []string
		log        string // is in the log
		reason     string
	}{
		{
			"all there", ". {\nroot sub\nautopath ../resolv.conf\nfile good.zone a.example\nhosts ../hosts\ncookies secrets\nkubernetes b.example\ncache\nloop\nerrors {\nconsolidate 1s .*\n}\n" +
				"forward . ../resolv.conf tls://192.0.2.1 {\ntls ../cert.pem ../key.pem ../cert.pem\n}\n}\ntls://c.example {\ntls cert.pem key.pem cert.pem\nwhoami\n}",
			nil, "", "a cluster that is not here is none of the files",
		},
		{"autopath", ". {\nautopath nope\n}", []string{"Corefile:2: autopath: search path: " + none}, "", "it is not looked for again"},
		{"a search path", ". {\nautopath bad.conf\n}", []string{`Corefile:2: autopath: search path of bad.conf: "a..b": name "a..b": empty label`}, "", "at the directive"},
		{
			"a zone file", "a.example {\nwhoami\nfile bad.zone\n}",
			[]string{`Corefile:3: file: zone a.example.: bad.zone:3: bad A A: "10.0.0.999"`}, "", "at the directive, and then at its own",
		},
		{"no zone file", "a.example {\nfile nope {\nreload 0\n}\n}", []string{"Corefile:2: file: zone a.example.: stat nope: no such file or directory"}, "", "it is not looked for again"},
		{"a zone file to come", "a.example {\nfile nope\n}", nil, "the zone is SERVFAIL until its file is read", "it is looked for again"},
		{"hosts", ". {\nhosts nope\n}", nil, "hosts: the file can't be read", "likewise, as in CoreDNS"},
		{"a file of upstreams", ". {\nforward . ./nope\n}", []string{"Corefile:2: forward: file of upstreams: open ./nope: no such file or directory"}, "", "nobody to ask"},
		{"no upstream", ". {\nforward . ./none.conf\n}", []string{"Corefile:2: forward: no upstream is left: the files list no nameserver"}, "", "nobody to ask"},
		{
			"an upstream's authority", ". {\nforward . tls://192.0.2.1 {\ntls empty.pem\n}\n}",
			[]string{"Corefile:3: forward: tls: certificate authority: no certificate in empty.pem"}, "", "at the option",
		},
		{"a certificate", "tls://a.example {\ntls nope key.pem\nwhoami\n}", []string{"Corefile:2: tls: certificate nope with key key.pem: " + none}, "", "at the directive"},
		{
			"a certificate of two sockets", "tls://a.example {\nbind 127.0.0.1 127.0.0.2\ntls nope key.pem\nwhoami\n}",
			[]string{"Corefile:3: tls: certificate nope with key key.pem: " + none}, "", "told once",
		},
		{
			"a certificate beside others", ". {\ncookies junk\nautopath nope\n}\ntls://a.example {\ntls nope key.pem\n}",
			[]string{
				"Corefile:2: cookies: junk:1: a cookie secret is 32 hexadecimal digits",
				"Corefile:3: autopath: search path: " + none,
				"Corefile:6: tls: certificate nope with key key.pem: " + none,
			}, "", "all at once",
		},
		{"cookies", ". {\ncookies junk\nwhoami\n}", []string{"Corefile:2: cookies: junk:1: a cookie secret is 32 hexadecimal digits"}, "", "at the directive"},
		{
			"two blocks", "a.example {\nautopath nope\nforward . ./nope\n}\nb.example {\nautopath nope\n}",
			[]string{
				"Corefile:3: forward: file of upstreams: open ./nope: no such file or directory",
				"Corefile:2: autopath: search path: " + none,
				"Corefile:6: autopath: search path: " + none,
			}, "", "all at once, from the last handler to the first",
		},
		{"standard input", ". {\nkubernetes a.example {\nmanifests -\n}\n}", nil, "", "manifests are read by CheckManifests"},
		{
			"schemes", "a.example:5353 {\nbind 127.0.0.1\nwhoami\n}\ntls://b.example:5353 {\nbind 127.0.0.1\ntls cert.pem key.pem\nwhoami\n}",
			[]string{"Corefile:5: tls://b.example:5353 is also served as dns://127.0.0.1:5353"}, "", "one socket has one protocol",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dnstest.NoLeaks(t)
			plan, err := load(t, tt.text)
			if err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			var got []string
			err = plan.CheckHandlers(assemble.Process{Stdin: unread{t}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
			if !strings.Contains(log.String(), tt.log) {
				t.Errorf("%s: %q is not in the log:\n%s", tt.reason, tt.log, log.String())
			}
		})
	}
}

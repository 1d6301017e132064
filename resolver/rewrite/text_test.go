package rewrite

import (
	"testing"

	"github.com/miekg/dns"
)

// Names that records come back in and names that rules see must be spelled alike.
func TestText(t *testing.T) {
	for c := range 256 {
		name := []byte{3, 'a', byte(c), 'b', 1, 'c', 0}
		want, _, err := dns.UnpackDomainName(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendText(nil, name)); got != want {
			t.Errorf("octet %d: %q, want %q", c, got, want)
		}
		if lower, err := canonical(want); err != nil || lower != dns.CanonicalName(want) {
			t.Errorf("octet %d: %q read back is %q, %v", c, want, lower, err)
		}
	}
	if got := string(appendText(nil, []byte{0})); got != "." {
		t.Errorf("the root is %q", got)
	}
}

func FuzzRegex(f *testing.F) {
	f.Add(`^(.*)\.example\.com\.$`, "{1}.svc.cluster.local", "a.example.com.")
	f.Add(`(x)?y`, "{0}{1}{2}{", "y.")
	f.Fuzz(func(t *testing.T, pattern, to, name string) {
		if len(pattern) > 100 {
			return
		}
		r, err := newRenamer(regex, pattern, to)
		if err != nil || !r.match([]byte(name)) {
			return
		}
		if got, err := canonical(r.rename(name)); err == nil {
			if again, err := canonical(got); err != nil || again != got {
				t.Errorf("%q is not as it is read back: %q, %v", got, again, err)
			}
		}
	})
}

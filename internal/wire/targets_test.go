package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAppendAliases finds the CNAME records of an answer among others, compressed and
// in any letters.
func TestAppendAliases(t *testing.T) {
	tests := []struct {
		name    string
		records []string
		want    []string
		reason  string
	}{
		{"none", []string{addresses(3)}, nil, "addresses lead nowhere"},
		{"a chain", []string{webName + " 5 IN CNAME X.cluster.LOCAL.\nx.cluster.local. 5 IN CNAME y.X.cluster.local.\ny.x.cluster.local. 5 IN A 10.0.0.1"},
			[]string{"x.cluster.local.", "y.x.cluster.local."}, "each, in lower case"},
		{"elsewhere", []string{"", "local. 5 IN CNAME x.", "local. 5 IN CNAME y."}, nil, "of the answer section alone"},
		{"the root", []string{webName + " 5 IN CNAME ."}, []string{"."}, "the shortest name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Reply
			r.Start(ask(t, 0, TypeA), []byte("before"), false)
			if !r.SetMessage(mustRead(t, theirs(t, TypeA, nil, tt.records...)), Fresh) {
				t.Fatal("not the message's question")
			}
			var got []string
			var target []byte
			for rest := r.AppendAliases(nil); len(rest) > 0; {
				target, rest = CutName(rest)
				got = append(got, Name(target).String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

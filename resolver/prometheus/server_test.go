package prometheus_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dns/rollcall/internal/dnstest"
	"github.com/rollcall-dns/rollcall/resolver/prometheus"
)

func TestServer(t *testing.T) {
	dnstest.NoLeaks(t)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	registry, m := newMetrics(t)
	m.Panicked("dns://:53")
	s, err := prometheus.NewServer(prometheus.ServerConfig{Address: "127.0.0.1:0", Gatherer: registry})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := prometheus.NewServer(prometheus.ServerConfig{Address: s.Addr().String()}); err == nil || !strings.HasPrefix(err.Error(), "prometheus: listen tcp ") {
		t.Errorf("an address in use: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	tests := []struct {
		path   string
		status int
		has    string
	}{
		{"/metrics", http.StatusOK, "\ncoredns_panics_total 1\n"},
		{"/", http.StatusNotFound, ""},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			r, err := http.Get("http://" + s.Addr().String() + tt.path)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			body, err := io.ReadAll(r.Body)
			if err != nil || r.StatusCode != tt.status || !strings.Contains(string(body), tt.has) {
				t.Errorf("status %d, error %v, body without %q:\n%s", r.StatusCode, err, tt.has, body)
			}
		})
	}
	cancel()
	if err := dnstest.Receive(t, "Run's end", ran); err != nil {
		t.Error(err)
	}
}

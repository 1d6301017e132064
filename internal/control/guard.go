package control

import (
	"fmt"
	"mime"
	"net"
	"net/http"
	"strings"
)

// maxBody is how long a request may be, in octets.
const maxBody = 16 << 20

// guard lets through to h what no web page can have sent. A page that somebody looks
// at on this machine can have its browser ask loopback ports:
//
//   - by a name that it had lead here (DNS rebinding): the Host would be that name;
//   - from where it is (CSRF): it may send only bodies of types that forms have, and
//     a browser says where a request comes from.
//
// Names says that the Host is looked at: a Unix socket has none.
func guard(h http.Handler, names bool) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusForbidden, "a web page of somewhere else may not do this")
	}))
	return cross.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if names && !isLoopback(hostname(r.Host)) {
			fail(w, http.StatusForbidden, fmt.Sprintf("host %q: want 127.0.0.1, [::1] or localhost", r.Host))
			return
		}
		if r.Method == http.MethodPost {
			given := r.Header.Get("Content-Type")
			media, _, err := mime.ParseMediaType(given)
			if err != nil || media != "application/json" && media != "application/yaml" {
				fail(w, http.StatusUnsupportedMediaType, fmt.Sprintf("Content-Type %q: want application/json", given))
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		h.ServeHTTP(w, r)
	}))
}

// hostname returns a Host header's host, without its port and brackets.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

package resolvertest_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-dns/rollcall/resolver/fault"
	"github.com/rollcall-dns/rollcall/resolver/resolvertest"
)

// A client forms a ring of the peers that it finds, and notices that one is not ready.
func Example() {
	srv, err := resolvertest.Start(resolvertest.StatefulSet("web", 3, "http=8080"))
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	ring := func() string {
		_, peers, err := srv.ResolverIn("default").LookupSRV(context.Background(), "http", "tcp", "web")
		if err != nil {
			log.Fatal(err)
		}
		var names []string
		for _, peer := range peers {
			names = append(names, peer.Target[:len("web-0")])
		}
		slices.Sort(names)
		return strings.Join(append(names, names[0]), " -> ")
	}
	fmt.Println(ring())
	srv.SetReady("web-1", false)
	fmt.Println(ring())
	// Output:
	// web-0 -> web-1 -> web-2 -> web-0
	// web-0 -> web-2 -> web-0
}

// An HTTP client connects to a pod, which is a listener of the test.
func ExampleServer_Dialer() {
	srv, err := resolvertest.Start(resolvertest.StatefulSet("web", 2, "http=8080"))
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	pod, err := srv.Listen("web-1", 8080)
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(pod, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "hello from", r.Host)
	}))
	client := &http.Client{Transport: &http.Transport{DialContext: srv.Dialer().DialContext}}
	defer client.CloseIdleConnections()
	r, err := client.Get("http://web-1.web:8080/")
	if err != nil {
		log.Fatal(err)
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	fmt.Print(string(body))
	_, err = client.Get("http://web-0.web:8080/") // it is there, and nothing listens
	fmt.Println(err != nil)
	// Output:
	// hello from web-1.web:8080
	// true
}

// A question fails once. The resolver asks again, and the caller does not notice.
func ExampleServer_Fault() {
	srv, err := resolvertest.Start(resolvertest.StatefulSet("web", 1))
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	srv.Fault(fault.Fault{Name: "web.default.svc.cluster.local", Type: "A", Do: fault.ServFail, Count: 1})
	for range 2 {
		addrs, err := srv.Resolver().LookupNetIP(context.Background(), "ip4", "web.default.svc.cluster.local.")
		fmt.Println(len(addrs), err != nil)
	}
	for _, q := range srv.Queries() {
		fmt.Println(q.Name, q.Type, q.Rcode, q.Answers)
	}
	// Output:
	// 1 false
	// 1 false
	// web.default.svc.cluster.local. A SERVFAIL 0
	// web.default.svc.cluster.local. A NOERROR 1
	// web.default.svc.cluster.local. A NOERROR 1
}

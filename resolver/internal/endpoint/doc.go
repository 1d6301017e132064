// Package endpoint serves the small HTTP endpoints beside DNS: health, ready
// and metrics. It owns the listener and the life of the http.Server, with
// timeouts against slow clients; what is answered is the handler's matter.
//
// It does not do TLS or authentication: these endpoints carry no secrets and
// are asked by the kubelet and Prometheus, which expect plain HTTP.
package endpoint

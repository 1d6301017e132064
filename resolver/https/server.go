package https

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/netutil"

	"github.com/rollcall-dns/rollcall/internal/wire"
	"github.com/rollcall-dns/rollcall/resolver"
)

const (
	path        = "/dns-query"
	contentType = "application/dns-message"
	// maxHeader bounds a request's header: the longest query in base64 does not fit
	// into it, and no client sends one.
	maxHeader = 16 << 10
	// maxStreams bounds the requests under way on one connection of HTTP/2.
	maxStreams = 256
)

// ServerConfig says where and how a Server listens.
type ServerConfig struct {
	Addr string // host:port
	// Listen opens the socket; nil is net.Listen.
	Listen    func(network, addr string) (net.Listener, error)
	TLS       *tls.Config
	Responder *resolver.Responder
	MaxConns  int // 0 is no bound
	// ReadTimeout is how long a request may take to arrive, WriteTimeout its reply
	// to be made and taken, and IdleTimeout how long a connection may wait between
	// two.
	ReadTimeout, WriteTimeout, IdleTimeout time.Duration
	Logger                                 *slog.Logger
}

// Server serves one address.
type Server struct {
	responder atomic.Pointer[resolver.Responder]
	listener  net.Listener
	http      *http.Server
	served    atomic.Uint32 // requests so far
}

// Listen opens the socket. Serve must follow, or Close.
func Listen(c ServerConfig) (*Server, error) {
	if c.Listen == nil {
		c.Listen = net.Listen
	}
	l, err := c.Listen("tcp", c.Addr)
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	s := &Server{listener: l}
	if c.MaxConns > 0 {
		s.listener = netutil.LimitListener(l, c.MaxConns)
	}
	s.responder.Store(c.Responder)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path, s.get)
	mux.HandleFunc("POST "+path, s.post)
	secure := c.TLS.Clone()
	secure.NextProtos = []string{"h2", "http/1.1"}
	s.http = &http.Server{
		Handler:           mux,
		TLSConfig:         secure,
		ReadHeaderTimeout: c.ReadTimeout,
		ReadTimeout:       c.ReadTimeout,
		WriteTimeout:      c.WriteTimeout,
		IdleTimeout:       c.IdleTimeout,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          slog.NewLogLogger(c.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Addr returns the address listened on.
func (s *Server) Addr() netip.AddrPort { return s.listener.Addr().(*net.TCPAddr).AddrPort() }

// Swap makes r answer from now on.
func (s *Server) Swap(r *resolver.Responder) { s.responder.Store(r) }

// Serve answers until Shutdown or Close.
func (s *Server) Serve() {
	// What ends it is one of these, or the listener's end, which is logged.
	_ = s.http.ServeTLS(s.listener, "", "")
}

// Shutdown lets requests under way finish, for as long as ctx allows.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	s.Close()
	return err
}

// Close closes all sockets at once.
func (s *Server) Close() {
	s.listener.Close()
	_ = s.http.Close()
}

// get answers GET (RFC 8484 section 4.1): the query is in the URL, in base64url
// without padding. Its length is bounded by that of the header.
func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	text := r.URL.Query()["dns"]
	if len(text) != 1 {
		http.Error(w, "want one parameter dns", http.StatusBadRequest)
		return
	}
	query, err := base64.RawURLEncoding.DecodeString(text[0])
	if err != nil {
		http.Error(w, "dns is not base64url without padding", http.StatusBadRequest)
		return
	}
	s.answer(w, r, query)
}

// post answers POST: the query is the body.
func (s *Server) post(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Content-Type") != contentType {
		http.Error(w, "want "+contentType, http.StatusUnsupportedMediaType)
		return
	}
	query, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxTCP))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		http.Error(w, "a DNS message has 65535 bytes at most", http.StatusRequestEntityTooLarge)
	case err == nil:
		s.answer(w, r, query)
	}
}

// answer sends the reply to query. What gets no reply over other transports is a
// bad request here.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, query []byte) {
	var x resolver.Exchange
	q := &x.Query
	q.Transport, q.Received, q.Context, q.Shard = resolver.TCP, time.Now(), r.Context(), s.served.Add(1)
	q.Client, _ = netip.ParseAddrPort(r.RemoteAddr)
	q.Client = netip.AddrPortFrom(q.Client.Addr().Unmap(), q.Client.Port())
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		q.Local = netip.AddrPortFrom(local.AddrPort().Addr().Unmap(), local.AddrPort().Port())
	}
	reply := s.responder.Load().Respond(&x, query, nil)
	if len(reply) == 0 {
		http.Error(w, "not a DNS query", http.StatusBadRequest)
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "max-age="+strconv.FormatUint(uint64(freshness(reply)), 10))
	h.Set("Content-Length", strconv.Itoa(len(reply)))
	_, _ = w.Write(reply) // an error is the client's going away
}

// freshness returns for how long a reply may be kept: its least TTL (RFC 8484
// section 5.1), and of one without records not at all.
func freshness(reply []byte) uint32 {
	m := new(dns.Msg)
	if m.Unpack(reply) != nil {
		return 0
	}
	records := slices.Concat(m.Answer, m.Ns)
	if len(records) == 0 {
		return 0
	}
	least := records[0].Header().Ttl
	for _, rr := range records {
		least = min(least, rr.Header().Ttl)
		if soa, ok := rr.(*dns.SOA); ok {
			least = min(least, soa.Minttl)
		}
	}
	return least
}

package emulator

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"
)

// A Server serves the handlers of a tenant at addresses of this machine's loopback interface. The services use TLS with
// certificates of the tenant's own authority, because clients of Entra ID refuse plain http. The control address uses
// plain http, so that a person can call it with curl. The proxy uses plain http, as proxies do.
type Server struct {
	EntraURL      string
	ControlURL    string
	WorkspaceURLs []string // in the order of the workspaces passed to Serve
	// ProxyURL is the value for HTTPS_PROXY and HTTP_PROXY. A client that uses it finds all services of the tenant
	// under their real names.
	ProxyURL string

	servers []*http.Server
	proxy   *Proxy
}

// Serve starts Entra ID, the control address, the given workspaces and the proxy, each on a free port.
func Serve(t *Tenant, workspaces ...*Workspace) (*Server, error) {
	return ServeFrom(0, t, workspaces...)
}

// ServeFrom is like [Serve], but uses consecutive ports: firstPort for Entra ID, then one for the control address, one
// per workspace and one for the proxy. If firstPort is 0, every port is a free one.
func ServeFrom(firstPort int, t *Tenant, workspaces ...*Workspace) (*Server, error) {
	certificate, err := t.ServerCertificate()
	if err != nil {
		return nil, fmt.Errorf("issuing the server certificate: %w", err)
	}
	s := &Server{}
	next := firstPort
	start := func(handler http.Handler, secure bool) (string, error) {
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(next)))
		if err != nil {
			return "", errors.Join(err, s.Close())
		}
		if firstPort != 0 {
			next++
		}
		return s.serve(listener, handler, secure, certificate), nil
	}
	if s.EntraURL, err = start(t.Entra(), true); err != nil {
		return nil, err
	}
	if s.ControlURL, err = start(t.Control(workspaces...), false); err != nil {
		return nil, err
	}
	for _, workspace := range workspaces {
		url, err := start(workspace, true)
		if err != nil {
			return nil, err
		}
		s.WorkspaceURLs = append(s.WorkspaceURLs, url)
	}
	s.proxy = t.Proxy(nil)
	if s.ProxyURL, err = start(s.proxy, false); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Server) serve(
	listener net.Listener, handler http.Handler, secure bool, certificate tls.Certificate,
) (url string) {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 30 * time.Second,
		// Some tests use a client that does not trust the authority. The errors of its TLS connections are expected.
		ErrorLog: log.New(io.Discard, "", 0),
		// Only HTTP/1.1 is enabled. Over HTTP/2 a dropped connection would be a reset stream, which clients handle
		// differently.
		Protocols: new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true)
	s.servers = append(s.servers, server)
	if !secure {
		go func() { _ = server.Serve(listener) }()
		return "http://" + listener.Addr().String()
	}
	server.TLSConfig = serverTLS(certificate)
	go func() { _ = server.ServeTLS(listener, "", "") }()
	return "https://" + listener.Addr().String()
}

// serverTLS returns the configuration of a server with the given certificate. It accepts X25519 alone, because the
// default adds a post-quantum key exchange, which costs time and is of no use on one machine.
func serverTLS(certificate tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12,
		CurvePreferences: []tls.CurveID{tls.X25519}}
}

// Close stops listening and closes every connection.
func (s *Server) Close() error {
	var errs []error
	for _, server := range s.servers {
		errs = append(errs, server.Close())
	}
	if s.proxy != nil {
		errs = append(errs, s.proxy.Close())
	}
	return errors.Join(errs...)
}

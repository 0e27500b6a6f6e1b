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

// A Server gives the handlers of a tenant addresses on this machine's loopback
// interface. The services speak TLS under the tenant's own authority, because
// clients of Entra ID refuse plain http; the control address does not, because it
// is for a person's curl, nor does the proxy, as proxies do not.
type Server struct {
	EntraURL      string
	ControlURL    string
	WorkspaceURLs []string // in the order the workspaces were given
	// ProxyURL is what HTTPS_PROXY and HTTP_PROXY are set to, to find everything
	// the tenant has under its real name.
	ProxyURL string

	servers []*http.Server
	proxy   *Proxy
}

// Serve starts Entra ID, the control address, the given workspaces and the proxy
// on free ports.
func Serve(t *Tenant, workspaces ...*Workspace) (*Server, error) {
	return ServeFrom(0, t, workspaces...)
}

// ServeFrom is [Serve] on ports in a row: Entra ID on firstPort, the control
// address on the next, then the workspaces and last the proxy. With 0 every port
// is a free one.
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

func (s *Server) serve(listener net.Listener, handler http.Handler, secure bool, certificate tls.Certificate) (url string) {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 30 * time.Second,
		// A client that does not trust the authority is some test's very subject.
		ErrorLog: log.New(io.Discard, "", 0),
		// HTTP/1.1 alone: over HTTP/2 a dropped connection would be a reset stream,
		// which clients tell apart and handle elsewhere.
		Protocols: new(http.Protocols),
	}
	server.Protocols.SetHTTP1(true)
	s.servers = append(s.servers, server)
	if !secure {
		go func() { _ = server.Serve(listener) }()
		return "http://" + listener.Addr().String()
	}
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	return "https://" + listener.Addr().String()
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

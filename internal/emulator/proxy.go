package emulator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A Proxy forwards requests for the real host names of the services to the emulated services. Some clients accept only
// real names: azsecrets requires a vault's name to end in the cloud's suffix, and managed identities have a fixed
// address. A client reaches the Proxy by HTTPS_PROXY and HTTP_PROXY. It implements RFC 9110 section 9.3.6 (CONNECT,
// where it ends the TLS connection itself with a certificate of the tenant's authority) and RFC 9112 section 3.2.2
// (absolute form, for plain http).
//
// A Proxy opens no connections. It answers a request for an unknown host with 502, which is how a client behind a proxy
// learns that a name does not resolve.
type Proxy struct {
	// Watch, if not nil, wraps the handler of every service, so that a test sees each request and each answer in plain
	// text. Set it before the first request.
	Watch func(next http.Handler) http.Handler

	tenant  *Tenant
	routes  map[string]http.Handler
	entra   http.Handler
	arm     http.Handler
	imds    http.Handler
	tunnels *http.Server

	start sync.Once
	conns chan net.Conn
	done  chan struct{}
	end   sync.Once

	mu           sync.Mutex
	certificates map[string]*tls.Certificate
}

// Proxy returns a proxy to everything that the tenant has now or gets later: Entra ID and Azure Resource Manager of
// every cloud, the tenant's vaults and workspaces, its OIDC issuers and their token endpoints, and the instance
// metadata service. routes adds handlers or replaces some of these: the key is the host name for https, and http://host
// for plain http.
func (t *Tenant) Proxy(routes map[string]http.Handler) *Proxy {
	p := &Proxy{
		tenant: t, routes: routes, entra: t.Entra(), arm: t.ARM(), imds: t.IMDS(),
		conns: make(chan net.Conn), done: make(chan struct{}), certificates: map[string]*tls.Certificate{},
	}
	p.tunnels = &http.Server{
		Handler:           http.HandlerFunc(p.serveTunnel),
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
		Protocols:         new(http.Protocols),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if secure, ok := c.(*tls.Conn); ok {
				if through, ok := secure.NetConn().(*tunnel); ok {
					return context.WithValue(ctx, tunnelHostKey{}, through.host)
				}
			}
			return ctx
		},
	}
	p.tunnels.Protocols.SetHTTP1(true) // over HTTP/2 a dropped connection would be a reset stream
	return p
}

// Close closes every tunnel. The proxy serves no more requests afterwards.
func (p *Proxy) Close() error {
	p.end.Do(func() { close(p.done) })
	return p.tunnels.Close()
}

// ServeHTTP answers one request of a client that uses this proxy.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := p.tenant
	entry := Entry{Time: t.Clock.Now(), Service: "proxy", Method: r.Method, Route: "/{host}", Path: "/" + r.URL.Host}
	answer := &statusWriter{ResponseWriter: w}
	defer func() {
		entry.Status = answer.status
		t.Journal.add(entry)
	}()
	answer.Header().Set("Date", t.Clock.Now().Format(http.TimeFormat))
	if fault, met := t.Faults.meet("proxy", r.Method, entry.Path); met {
		p.fail(answer, r, fault)
		return
	}
	switch {
	case r.Method == http.MethodConnect:
		p.connect(answer, r)
	case r.URL.Scheme == "http" && r.URL.Host != "":
		host, port := splitTarget(r.URL.Host, "80")
		handler := p.handler("http", host)
		if handler == nil || port != "80" {
			refuseTarget(answer, r.URL.Host)
			return
		}
		inner := r.Clone(r.Context())
		inner.RequestURI, inner.Host = r.URL.RequestURI(), r.URL.Host
		inner.URL.Scheme, inner.URL.Host = "", ""
		inner.Header.Del("Proxy-Connection")
		p.watched(handler).ServeHTTP(answer, inner)
	default:
		http.Error(answer, "emulator: this is a proxy; ask with CONNECT, or for an http URL in absolute form",
			http.StatusBadRequest)
	}
}

// fail answers a request by a declared fault. A proxy has no work to do before the fault.
func (p *Proxy) fail(w http.ResponseWriter, r *http.Request, fault Fault) {
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
	if fault.Status == 0 {
		panic(http.ErrAbortHandler)
	}
	writeFault(w, fault, func(f Fault) (string, []byte) {
		return "text/plain; charset=utf-8", []byte(strings.TrimSpace(f.Code + " " + f.Message))
	})
}

func (p *Proxy) connect(w *statusWriter, r *http.Request) {
	host, port := splitTarget(r.URL.Host, "")
	if p.handler("https", host) == nil || port != "443" {
		refuseTarget(w, r.URL.Host)
		return
	}
	certificate, err := p.certificate(host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.status = http.StatusOK
	if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		_ = conn.Close()
		return
	}
	_ = conn.SetDeadline(time.Time{})
	p.start.Do(func() { go func() { _ = p.tunnels.Serve(tunnelListener{p}) }() })
	secure := tls.Server(&tunnel{Conn: conn, reader: buffered, host: host}, serverTLS(*certificate))
	select {
	case p.conns <- secure:
	case <-p.done:
		_ = conn.Close()
	}
}

// serveTunnel serves a request inside a tunnel. It answers 421 if the request's host is not the host of the tunnel, as
// the real services do.
func (p *Proxy) serveTunnel(w http.ResponseWriter, r *http.Request) {
	host, _ := r.Context().Value(tunnelHostKey{}).(string)
	handler := p.handler("https", host)
	if handler == nil || hostName(r.Host) != host {
		http.Error(w, fmt.Sprintf("emulator: a request for %s in a tunnel to %s", r.Host, host),
			http.StatusMisdirectedRequest)
		return
	}
	p.watched(handler).ServeHTTP(w, r)
}

func (p *Proxy) watched(handler http.Handler) http.Handler {
	if p.Watch == nil {
		return handler
	}
	return p.Watch(handler)
}

// handler returns the handler for requests to a host, or nil if no service has this host name.
func (p *Proxy) handler(scheme, host string) http.Handler {
	key := host
	if scheme == "http" {
		key = "http://" + host
	}
	if handler := p.routes[key]; handler != nil {
		return handler
	}
	if scheme == "http" {
		if host == imdsHost {
			return p.imds
		}
		return nil
	}
	for _, c := range clouds {
		if host == c.armHost {
			return p.arm
		}
		if name, ok := strings.CutSuffix(host, c.vaultSuffix); ok {
			if vault := p.tenant.Vault(name); vault != nil {
				return vault
			}
			return nil
		}
	}
	if isLogin(host) {
		return p.entra
	}
	p.tenant.mu.Lock()
	workspaces := p.tenant.workspaces
	p.tenant.mu.Unlock()
	for _, workspace := range workspaces {
		if workspace.reachedAs(host) {
			return workspace
		}
		if serving := workspace.servingAt(host); serving != nil {
			return serving
		}
	}
	return p.tenant.outside(host)
}

func (p *Proxy) certificate(host string) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if certificate := p.certificates[host]; certificate != nil {
		return certificate, nil
	}
	names, addresses := []string{host}, []net.IP(nil)
	if ip := net.ParseIP(host); ip != nil {
		names, addresses = nil, []net.IP{ip}
	}
	certificate, err := p.tenant.ca.issueServer(names, addresses)
	if err != nil {
		return nil, err
	}
	p.certificates[host] = &certificate
	return &certificate, nil
}

func refuseTarget(w http.ResponseWriter, target string) {
	http.Error(w, fmt.Sprintf("emulator: there is no service at %s, and nothing leaves this machine", target),
		http.StatusBadGateway)
}

// splitTarget splits the target of a request into its host, in lower case, and its port. The default port replaces a
// missing one.
func splitTarget(target, defaultPort string) (host, port string) {
	if _, port, err := net.SplitHostPort(target); err == nil {
		return hostName(target), port
	}
	return hostName(target), defaultPort
}

type tunnelHostKey struct{}

// A tunnel is the hijacked connection of a CONNECT request. Its reader first returns the bytes that the server had
// already buffered.
type tunnel struct {
	net.Conn
	reader io.Reader
	host   string
}

func (t *tunnel) Read(p []byte) (int, error) { return t.reader.Read(p) }

// A tunnelListener passes the tunnels to an ordinary http.Server. That server sets timeouts on the tunnels, and closes
// them when it is closed.
type tunnelListener struct{ p *Proxy }

var errProxyClosed = errors.New("emulator: the proxy is closed")

func (l tunnelListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.p.conns:
		return conn, nil
	case <-l.p.done:
		return nil, errProxyClosed
	}
}

func (l tunnelListener) Close() error   { return nil }
func (l tunnelListener) Addr() net.Addr { return &net.TCPAddr{} }

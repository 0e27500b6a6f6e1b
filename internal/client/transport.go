package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// NewTransport returns the transport for calls to Entra ID and the workspace. It honours HTTPS_PROXY and NO_PROXY. It
// trusts the system's certificate authorities, and those in the PEM file that caFile names, if it is set. It logs the
// method, host, path, status and duration of each call. It never logs a header, a query or a body, because those carry
// secrets.
func NewTransport(caFile auth.Setting) (http.RoundTripper, error) {
	if !caFile.IsSet() {
		return logged{web.NewTransport(nil)}, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	pem, err := auth.ReadFile(caFile.Value, auth.LargestFile)
	if err != nil {
		return nil, noAuthorities(auth.FileFault(caFile.Value, caFile, err))
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, noAuthorities(caFile.Value + " holds no certificate in PEM form.")
	}
	return logged{web.NewTransport(roots)}, nil
}

func noAuthorities(why string) error {
	return &auth.Error{Attribute: "ca_certificate_path", Summary: "Cannot read the certificate authorities",
		Detail: why + " ca_certificate_path must be the path of a PEM file with one or more CA certificates. The " +
			"provider trusts them in addition to those of the system."}
}

type logged struct{ next http.RoundTripper }

func (l logged) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	resp, err := l.next.RoundTrip(r)
	fields := map[string]any{
		"method":       r.Method,
		"host":         r.URL.Host,
		"path":         r.URL.Path,
		"milliseconds": time.Since(start).Milliseconds(),
	}
	if err != nil {
		fields["error"] = web.Text(err.Error(), 1000)
		tflog.Debug(r.Context(), "call without an answer", fields)
		return nil, err
	}
	fields["status"] = resp.StatusCode
	tflog.Debug(r.Context(), "call", fields)
	return resp, nil
}

// progress records how far an attempt got, as net/http reports it. A transport that reports nothing proves nothing.
type progress struct {
	began     atomic.Bool // a connection was requested
	connected atomic.Bool // there was a connection, so the request may have left
	reused    atomic.Bool // the connection had carried a request before
	handshake atomic.Bool // a TLS handshake failed
}

func (p *progress) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { p.began.Store(true) },
		GotConn: func(info httptrace.GotConnInfo) {
			p.connected.Store(true)
			p.reused.Store(info.Reused)
		},
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err != nil {
				p.handshake.Store(true)
			}
		},
	})
}

// nothingSent reports whether the attempt failed before there was a connection to send the request over.
func (p *progress) nothingSent() bool { return p.began.Load() && !p.connected.Load() }

// handshakeFailed reports whether the TLS handshake failed for a reason that will not change. The server's refusal may
// arrive after this side takes the handshake for complete. Even then, the server has read nothing.
func (p *progress) handshakeFailed(err error) bool {
	alert, isAlert := errors.AsType[*net.OpError](err)
	return isTLS(err) || p.handshake.Load() && p.nothingSent() && !isNetwork(err) ||
		isAlert && alert.Op == "remote error" && !p.reused.Load()
}

// isNetwork reports whether the connection broke or was too slow.
func isNetwork(err error) bool {
	var network *net.OpError
	var timeout net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.As(err, &timeout) && timeout.Timeout() ||
		errors.As(err, &network) && (network.Op == "read" || network.Op == "write")
}

// isTLS reports whether this side refused the server's certificate, or the server does not speak TLS.
func isTLS(err error) bool {
	return hasType[x509.UnknownAuthorityError](err) || hasType[x509.HostnameError](err) ||
		hasType[x509.CertificateInvalidError](err) || hasType[*tls.CertificateVerificationError](err) ||
		hasType[tls.RecordHeaderError](err)
}

// hasType reports whether err, or an error that it wraps, is of the type T.
func hasType[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

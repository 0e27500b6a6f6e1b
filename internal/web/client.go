package web

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

const (
	// LargeAnswer is the largest allowed body, in bytes after decompression, of an answer that may list thousands of
	// objects. Reading, checking and decoding such a body takes up to ten times as much memory.
	LargeAnswer = 24 << 20
	// SmallAnswer is the largest allowed body, in bytes after decompression, of an answer that holds one token, one
	// secret or one page of a list.
	SmallAnswer = 1 << 20
)

// NewTransport returns a transport for the provider's HTTP clients. It honours HTTPS_PROXY and NO_PROXY, and trusts the
// certificate authorities in roots, or those of the system when roots is nil. Callers must wrap the transport in
// [Guard], as [NewClient] does.
func NewTransport(roots *x509.CertPool) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	// Terraform makes up to -parallelism calls to one host at once. With Go's default of 2 idle connections for each
	// host, most connections would be closed and opened again.
	t.MaxIdleConnsPerHost = 64
	t.MaxResponseHeaderBytes = 1 << 20
	if roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return t
}

// Guard returns a transport that sends requests through next and applies three rules to them. It also registers the
// credentials that it sends; see [Conceal].
//   - A redirect is not followed, because the credentials would go to any host that it names: the error is a
//     [*Redirected].
//   - A request without TLS is not sent, except to this machine and where [AllowPlain] allows it: the error is a
//     [*NotSecure].
//   - A body of more than limit bytes, after decompression, fails with a [*NoAnswer] error while it is read.
func Guard(next http.RoundTripper, limit int64) http.RoundTripper { return guard{next, limit} }

// NewClient returns a client for services that answer each request with one JSON object: Entra ID, Azure Resource
// Manager, Key Vault, and other issuers of tokens. The client applies the rules of [Guard] with the limit
// [SmallAnswer]. A successful answer that is not a JSON object with a field is a [*NoAnswer] error. If transport is
// nil, the client uses [NewTransport]. timeout bounds one request together with its answer; 0 means no bound.
func NewClient(transport http.RoundTripper, timeout time.Duration) *http.Client {
	if transport == nil {
		transport = NewTransport(nil)
	}
	return &http.Client{Transport: objects{Guard(transport, SmallAnswer)}, Timeout: timeout}
}

// Unguarded returns a client without the rules of [Guard], for a library that changes the client's transport and
// returns it. No request is sent through this client: the changed transport is passed to [NewClient].
func Unguarded() *http.Client { return &http.Client{Transport: NewTransport(nil)} }

type guard struct {
	next  http.RoundTripper
	limit int64
}

func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	concealSent(r.Header)
	if r.URL.Scheme != "https" && !loopback(r.URL.Hostname()) && r.Context().Value(plainKey{}) == nil {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, &NotSecure{Method: r.Method, Host: r.URL.Host, Path: cmp.Or(r.URL.Path, "/")}
	}
	response, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 && response.StatusCode < 400 {
		_ = response.Body.Close()
		e := &Redirected{
			Method:    r.Method,
			Host:      r.URL.Host,
			Path:      cmp.Or(r.URL.Path, "/"),
			Status:    response.StatusCode,
			RequestID: response.Header.Get("X-Request-Id"),
		}
		if target, err := r.URL.Parse(response.Header.Get("Location")); err == nil &&
			response.Header.Get("Location") != "" {
			e.Target = target
		}
		return nil, e
	}
	limit := g.limit
	if smaller, ok := r.Context().Value(limitKey{}).(int64); ok {
		limit = min(limit, smaller)
	}
	response.Body = &boundedBody{ReadCloser: response.Body, left: limit, tooLarge: func() error {
		answer := *response
		answer.Request = r
		return Mismatch(&answer, fmt.Sprintf("a body of more than %d MiB", limit>>20))
	}}
	return response, nil
}

// boundedBody is a response body that fails when more than left bytes are read. It does not cut the body off, because a
// shortened body could pass for a different answer.
type boundedBody struct {
	io.ReadCloser
	left     int64
	tooLarge func() error
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		return 0, b.tooLarge()
	}
	b.left -= int64(n)
	return n, err
}

// objects is a transport that reads each response to its end. A response with a success status must be a JSON object.
type objects struct{ next http.RoundTripper }

func (o objects) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := o.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Request = r
	concealReceived(body)
	if response.StatusCode >= 200 && response.StatusCode < 300 {
		if err := Check(response, body, Object); err != nil {
			return nil, err
		}
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

type limitKey struct{}

// WithLimit returns a context in which an answer may have at most limit bytes. It can only lower the limit of [Guard].
func WithLimit(ctx context.Context, limit int64) context.Context {
	return context.WithValue(ctx, limitKey{}, limit)
}

type plainKey struct{}

// AllowPlain returns a context whose requests may use plain http, because their address has no TLS. An example is the
// address of a machine's managed identity.
func AllowPlain(ctx context.Context) context.Context {
	return context.WithValue(ctx, plainKey{}, true)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Unusable is an error that is not a network failure: an answer must not be used, or a request must not be sent.
// Callers do not retry, because a retry would fail the same way.
type Unusable interface {
	error
	// Cause returns a sentence about the usual cause, and what to check.
	Cause() string
}

var _, _, _ Unusable = &Redirected{}, &NotSecure{}, &NoAnswer{}

// Redirected is the error for an answer that redirects the request. No redirect is followed.
type Redirected struct {
	Method, Host, Path string // method, host and path of the request
	Status             int
	// Target is the target of the redirect, or nil if the answer names none. Its query and its user may hold secrets.
	Target *url.URL
	// RequestID is the id that the service gave to the request. It may be empty.
	RequestID string
}

func (e *Redirected) Error() string {
	target := "to an address that the answer does not name"
	if e.Target != nil {
		target = "to " + Text(e.Target.Scheme+"://"+e.Target.Host, 300)
	}
	return fmt.Sprintf("%s %s at %s was redirected %s (status %d). The provider does not follow redirects, because "+
		"it would send credentials to that address",
		e.Method, e.Path, e.Host, target, e.Status)
}

// Cause returns sentences that name the probable cause of the error and what to check.
func (e *Redirected) Cause() string {
	return fmt.Sprintf("The service itself does not redirect requests. A proxy or firewall, a single sign-on page or "+
		"a private link may have answered instead, or %s is the wrong host. Check the host, HTTPS_PROXY and NO_PROXY.",
		e.Host)
}

// NotSecure is the error for a request that was not sent, because it would have gone over plain http.
type NotSecure struct{ Method, Host, Path string }

func (e *NotSecure) Error() string {
	return fmt.Sprintf("%s %s at %s was not sent, because the address begins with http and others could read the "+
		"request", e.Method, e.Path, e.Host)
}

// Cause returns sentences that name the probable cause of the error and what to check.
func (e *NotSecure) Cause() string {
	return "The provider sends credentials over https only. The address comes from a setting, an environment " +
		"variable or the answer of another service. Correct the address there."
}

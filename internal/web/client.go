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
	// LargeAnswer bounds the body of an answer that may hold thousands of objects, decompressed. Read, judged and
	// decoded it takes up to ten times as much memory.
	LargeAnswer = 24 << 20
	// SmallAnswer bounds the body of an answer that holds one token, one secret or one page of a list, decompressed.
	SmallAnswer = 1 << 20
)

// NewTransport returns the transport of every client of the provider. It honours HTTPS_PROXY and NO_PROXY, and trusts
// roots, or the authorities of the system when roots is nil. Callers must wrap it in [Guard], as
// [NewClient] does.
func NewTransport(roots *x509.CertPool) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	// Terraform runs up to -parallelism calls at once to one host. The default of 2 would close and open connections.
	t.MaxIdleConnsPerHost = 64
	t.MaxResponseHeaderBytes = 1 << 20
	if roots != nil {
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return t
}

// Guard keeps three rules for every request that goes through next, and notes the credentials that it sends; see
// [Conceal]:
//   - No redirect is followed, because credentials would go to whatever host it names: it is a [*Redirected] error.
//   - A request without TLS is not sent, but to this machine and where [AllowPlain] says so: it is a [*NotSecure] error.
//   - A body of more than limit bytes, decompressed, is a [*NoAnswer] error while it is read.
func Guard(next http.RoundTripper, limit int64) http.RoundTripper { return guard{next, limit} }

// NewClient returns the client for services that answer each request with one JSON object: Entra ID, Azure Resource
// Manager, Key Vault, and other issuers of tokens. It keeps the rules of [Guard] with [SmallAnswer], and an answer
// with a status of success that is no JSON object is a [*NoAnswer] error. transport may be nil, for one of
// [NewTransport]; timeout bounds one request together with its answer, and 0 means no bound.
func NewClient(transport http.RoundTripper, timeout time.Duration) *http.Client {
	if transport == nil {
		transport = NewTransport(nil)
	}
	return &http.Client{Transport: objects{Guard(transport, SmallAnswer)}, Timeout: timeout}
}

// Unguarded returns a client without the rules of [Guard], for a library that changes the transport and returns it. No
// request is sent through it: the changed transport is passed to [NewClient].
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

// boundedBody fails once more has been read than allowed. A body that is cut off instead could
// be a different answer.
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

// objects reads each answer to its end and lets a success pass only as a JSON object.
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

// WithLimit lowers the limit of [Guard], in bytes, for the answers to requests of ctx.
func WithLimit(ctx context.Context, limit int64) context.Context {
	return context.WithValue(ctx, limitKey{}, limit)
}

type plainKey struct{}

// AllowPlain marks requests of ctx as going to an address that is plain http by its nature, such as that of the managed
// identity of a machine.
func AllowPlain(ctx context.Context) context.Context {
	return context.WithValue(ctx, plainKey{}, true)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Unusable is an error that is not a failure of the network: an answer must not be used, or a request must not be sent.
// It is final, because a retry would fail the same way.
type Unusable interface {
	error
	// Cause returns a sentence about the usual cause, and what to check.
	Cause() string
}

var _, _, _ Unusable = &Redirected{}, &NotSecure{}, &NoAnswer{}

// Redirected is the error for a redirect. None is followed.
type Redirected struct {
	Method, Host, Path string // of the request
	Status             int
	// Target is the target of the redirect; nil if it has none. Its query and its user may hold secrets.
	Target *url.URL
	// RequestID is the service's name for the request; may be empty.
	RequestID string
}

func (e *Redirected) Error() string {
	target := "without saying where"
	if e.Target != nil {
		target = "to " + Text(e.Target.Scheme+"://"+e.Target.Host, 300)
	}
	return fmt.Sprintf("%s %s at %s was redirected %s (status %d), which is not followed: credentials would go there",
		e.Method, e.Path, e.Host, target, e.Status)
}

// Cause says what probably caused the error, and what to check.
func (e *Redirected) Cause() string {
	return fmt.Sprintf(
		"The service does not redirect. A proxy or firewall, a single sign-on page or a private link answers in "+
			"its place, or %s is the wrong host. Check that, and HTTPS_PROXY and NO_PROXY.",
		e.Host,
	)
}

// NotSecure is the error for a request without TLS. It was not sent.
type NotSecure struct{ Method, Host, Path string }

func (e *NotSecure) Error() string {
	return fmt.Sprintf("%s %s at %s was not sent: it would go over http, readable on the way", e.Method, e.Path, e.Host)
}

// Cause says what probably caused the error, and what to check.
func (e *NotSecure) Cause() string {
	return "Credentials are sent by https only. The address was given by a setting, a variable or another service's " +
		"answer; correct it there."
}

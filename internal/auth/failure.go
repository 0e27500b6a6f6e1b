package auth

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// maxAnswer bounds the body of a refusal.
const maxAnswer = 64 << 10

// contact is how far a request without an answer got.
type contact int

const (
	contactAnswered contact = iota
	contactNoHost
	contactRefused
	// contactProxy is a proxy that answered itself, instead of connecting to the host.
	contactProxy
	contactUntrusted
	// contactHandshake is a TLS handshake that the service aborted; the next one would end the same way.
	contactHandshake
	contactLost
	contactUnclear
	// contactUnusable is an answer that is not the service's, or a request that
	// must not be sent; cause is a [web.Unusable].
	contactUnusable
	// contactNone is for a failure before the service was asked.
	contactNone
)

// failure is one failed try, reduced to what may be shown to the user.
type failure struct {
	contact contact
	// status, answer, retryAfter and date are of the HTTP answer, if there was one.
	status     int
	answer     answer
	retryAfter time.Duration
	date       time.Time
	// cause is a network error; nil for an answer.
	cause     error
	viaProxy  bool
	transient bool
	// local is the error instead of all this, when the try failed before any request to the
	// service.
	local *Error
	// proposal is the command that the Azure CLI proposes.
	proposal string
	// tries and spent are set when trying again did not help.
	tries int
	spent time.Duration
}

// answer is the body of a refusal (Microsoft identity platform, "Microsoft Entra
// authentication and authorization error codes").
type answer struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	CorrelationID string `json:"correlation_id"`
	// Message is the field for errors of managed identities of App Service.
	Message string `json:"message"`
}

func (a answer) code() int {
	if len(a.Codes) == 0 {
		return 0
	}
	return a.Codes[0]
}

func (a answer) has(codes ...int) bool {
	for _, code := range codes {
		for _, c := range a.Codes {
			if c == code {
				return true
			}
		}
	}
	return false
}

// passing are the codes of temporary faults of Entra ID, whatever the status.
var passing = []int{50000, 90006, 90024, 90033, 90055}

// inspect reads MSAL's error. answered is whether the login host has ever answered: if
// not, a missing host or a refused connection is a wrong setting, and final at once
// instead of after minutes.
func inspect(err error, answered bool) failure {
	if own, ok := errors.AsType[*assertionError](err); ok {
		return failure{contact: contactNone, local: own.report, transient: own.transient, retryAfter: own.retryAfter}
	}
	var call msal.CallErr
	if errors.As(err, &call) && call.Resp != nil {
		return inspectAnswer(call.Resp)
	}
	if unusable, ok := errors.AsType[web.Unusable](err); ok {
		return failure{contact: contactUnusable, cause: unusable}
	}
	f := failure{cause: networkCause(err)}
	var (
		notFound   *net.DNSError
		untrusted  *tls.CertificateVerificationError
		wrongHost  x509.HostnameError
		unknown    x509.UnknownAuthorityError
		plainReply tls.RecordHeaderError
		operation  *net.OpError
	)
	if errors.As(err, &operation) {
		f.viaProxy = operation.Op == "proxyconnect"
	}
	switch {
	case errors.As(err, &untrusted), errors.As(err, &wrongHost), errors.As(err, &unknown), errors.As(err, &plainReply):
		f.contact = contactUntrusted
	case operation != nil && operation.Op == "remote error": // how crypto/tls marks an alert of the other side
		f.contact = contactHandshake
	case errors.As(err, &notFound) && notFound.IsNotFound:
		f.contact, f.transient = contactNoHost, answered
	case errors.Is(err, syscall.ECONNREFUSED):
		f.contact, f.transient = contactRefused, answered
	case proxyRefusal(err) != "":
		f.contact, f.transient, f.viaProxy = contactProxy, answered, true
	case f.cause != nil || isTimeout(err) || errors.Is(err, io.ErrUnexpectedEOF):
		f.contact, f.transient = contactLost, true
	default:
		f.contact = contactUnclear
	}
	return f
}

// wrongAddress reports whether a connection can never work: the host does not exist,
// refuses the connection, or is another server than expected.
func wrongAddress(err error) bool {
	switch inspect(err, false).contact {
	case contactNoHost, contactRefused, contactUntrusted, contactHandshake, contactProxy, contactUnusable:
		return true
	}
	return false
}

// proxyRefusal returns the status text with which a proxy refused CONNECT: net/http keeps
// nothing else of its answer. An unknown host is a
// 502 or 503 there, because it is the proxy that resolves names.
func proxyRefusal(err error) string {
	asked, ok := errors.AsType[*url.Error](err)
	if !ok {
		return ""
	}
	for _, status := range []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusForbidden, http.StatusProxyAuthRequired} {
		if strings.EqualFold(asked.Err.Error(), http.StatusText(status)) {
			return http.StatusText(status)
		}
	}
	return ""
}

// networkCause is the part of err that came from the network, without the text that MSAL puts around it; nil if err is
// about something else.
func networkCause(err error) error {
	if cause, ok := errors.AsType[net.Error](err); ok {
		return cause
	}
	return nil
}

func inspectAnswer(resp *http.Response) failure {
	f := failure{status: resp.StatusCode, retryAfter: retryAfter(resp.Header)}
	f.date, _ = http.ParseTime(resp.Header.Get("Date"))
	if resp.Body != nil {
		// MSAL keeps the body in a buffer, so reading it cannot block; it can be
		// read once.
		if body, _, err := readLimited(resp.Body, maxAnswer); err == nil {
			_ = json.Unmarshal(body, &f.answer)
		}
	}
	if f.answer.Description == "" {
		f.answer.Description = f.answer.Message
	}
	if len(f.answer.Codes) == 0 {
		f.answer.Codes = codesInText(f.answer.Description)
	}
	f.transient = f.status == http.StatusTooManyRequests || f.status == http.StatusRequestTimeout ||
		f.status >= http.StatusInternalServerError || f.answer.has(passing...)
	return f
}

// codesInText finds "AADSTS700016" where error_codes is missing.
func codesInText(text string) []int {
	_, digits, found := strings.Cut(text, "AADSTS")
	if !found {
		return nil
	}
	code := 0
	for i, r := range digits {
		if r < '0' || r > '9' || i > 9 {
			break
		}
		code = code*10 + int(r-'0')
	}
	if code == 0 {
		return nil
	}
	return []int{code}
}

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

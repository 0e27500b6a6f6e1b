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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// maxAnswer is the largest body of an error response, in bytes, that is read.
const maxAnswer = 64 << 10

// contact says how far a request got: whether the service answered and, if not, why not.
type contact int

const (
	contactAnswered contact = iota
	contactNoHost
	contactRefused
	// contactProxy means that a proxy answered the request itself, instead of connecting to the host.
	contactProxy
	contactUntrusted
	// contactHandshake means that the service aborted the TLS handshake. A retry would end in the same way.
	contactHandshake
	contactLost
	contactUnclear
	// contactUnusable means that the answer is not from the service, or that the request must not be sent. The cause of
	// the failure is then a [web.Unusable].
	contactUnusable
	// contactNone means that the attempt failed before any request to the service.
	contactNone
)

// failure is one failed attempt to get a token, reduced to what may be shown to the user.
type failure struct {
	contact contact
	// status, answer, retryAfter and date are from the HTTP response, if there was one.
	status     int
	answer     answer
	retryAfter time.Duration
	date       time.Time
	// cause is the network error or the [web.Unusable]; nil if the service answered.
	cause     error
	viaProxy  bool
	transient bool
	// local is the complete error for the user if the attempt failed before any request to the service. It then
	// replaces the status, the answer and the cause.
	local *Error
	// proposal is the command that the Azure CLI proposes to log in again.
	proposal string
	// tries is the number of attempts, and spent is the time that all of them took. They are set if retries did not
	// help.
	tries int
	spent time.Duration
}

// answer is the body of an error response of Entra ID (Microsoft identity platform, "Microsoft Entra authentication and
// authorization error codes").
type answer struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	CorrelationID string `json:"correlation_id"`
	// Message is the error text of a managed identity endpoint of App Service.
	Message string `json:"message"`
}

func (a answer) code() int {
	if len(a.Codes) == 0 {
		return 0
	}
	return a.Codes[0]
}

func (a answer) has(codes ...int) bool {
	return slices.ContainsFunc(a.Codes, func(code int) bool { return slices.Contains(codes, code) })
}

// temporaryCodes are the AADSTS codes of temporary faults of Entra ID, whatever the HTTP status.
var temporaryCodes = []int{50000, 90006, 90024, 90033, 90055}

// inspect turns an error of MSAL into a failure. answered reports whether the login host has ever answered. If it has
// not, a missing host or a refused connection is a wrong setting, so the failure is final at once instead of after
// minutes of retries.
func inspect(err error, answered bool) failure {
	if own, ok := errors.AsType[*assertionError](err); ok {
		return failure{contact: contactNone, local: own.report, transient: own.transient, retryAfter: own.retryAfter}
	}
	if call, ok := errors.AsType[msal.CallErr](err); ok && call.Resp != nil {
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
	case operation != nil && operation.Op == "remote error": // crypto/tls reports an alert of the server in this way
		f.contact = contactHandshake
	case errors.As(err, &notFound) && notFound.IsNotFound:
		f.contact, f.transient = contactNoHost, answered
	case errors.Is(err, syscall.ECONNREFUSED):
		f.contact, f.transient = contactRefused, answered
	case isProxyRefusal(err):
		f.contact, f.transient, f.viaProxy = contactProxy, answered, true
	case f.cause != nil || isTimeout(err) || errors.Is(err, io.ErrUnexpectedEOF):
		f.contact, f.transient = contactLost, true
	default:
		f.contact = contactUnclear
	}
	return f
}

// wrongAddress reports whether no retry can help: the host does not exist, refuses the connection, or is another server
// than expected.
func wrongAddress(err error) bool {
	switch inspect(err, false).contact {
	case contactNoHost, contactRefused, contactUntrusted, contactHandshake, contactProxy, contactUnusable:
		return true
	}
	return false
}

// proxyRefusals are the statuses with which a proxy refuses a CONNECT request. For an unknown host the status is 502 or
// 503, because the proxy resolves the names.
var proxyRefusals = []int{
	http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusForbidden,
	http.StatusProxyAuthRequired,
}

// isProxyRefusal reports whether err means that a proxy refused a CONNECT request. net/http keeps only the status text
// of the proxy's answer.
func isProxyRefusal(err error) bool {
	asked, ok := errors.AsType[*url.Error](err)
	return ok && slices.ContainsFunc(proxyRefusals, func(status int) bool {
		return strings.EqualFold(asked.Err.Error(), http.StatusText(status))
	})
}

// networkCause returns the network error in err, without the text that MSAL adds to it; nil if err contains no network
// error.
func networkCause(err error) error {
	cause, _ := errors.AsType[net.Error](err)
	return cause
}

func inspectAnswer(resp *http.Response) failure {
	f := failure{status: resp.StatusCode, retryAfter: retryAfter(resp.Header)}
	f.date, _ = http.ParseTime(resp.Header.Get("Date"))
	if resp.Body != nil {
		// MSAL keeps the body in a buffer, so reading the body cannot block. The body can be read only once.
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
	f.transient = isTemporary(f.status) || f.answer.has(temporaryCodes...)
	return f
}

// isTemporary reports whether a response with this status means that the same request may succeed later.
func isTemporary(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusRequestTimeout ||
		status >= http.StatusInternalServerError
}

// codesInText returns the code in a text such as "AADSTS700016", for an answer without error_codes; nil if the text has
// no code.
func codesInText(text string) []int {
	_, rest, _ := strings.Cut(text, "AADSTS")
	code, _ := strconv.Atoi(submatch(leadingDigits(), rest))
	if code == 0 {
		return nil
	}
	return []int{code}
}

var leadingDigits = pattern(`^([0-9]{1,10})`)

func attempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

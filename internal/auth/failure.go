package auth

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
)

// contact is how far a request got that was not answered.
type contact int

const (
	contactAnswered contact = iota
	contactNoHost
	contactRefused
	contactUntrusted
	contactLost
	contactUnclear
)

// failure is one failed try, reduced to what may be shown.
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

// passing are codes of a disturbance on Entra's side, whatever the status.
var passing = []int{50000, 90006, 90024, 90033, 90055}

// inspect reads MSAL's error. answered tells whether the login host has ever been
// reached: if not, a missing host or a refused connection is a wrong setting and
// is final at once, instead of after minutes.
func inspect(err error, answered bool) failure {
	var call msal.CallErr
	if errors.As(err, &call) && call.Resp != nil {
		return inspectAnswer(call.Resp)
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
	case errors.As(err, &notFound) && notFound.IsNotFound:
		f.contact, f.transient = contactNoHost, answered
	case errors.Is(err, syscall.ECONNREFUSED):
		f.contact, f.transient = contactRefused, answered
	case f.cause != nil || isTimeout(err) || errors.Is(err, io.ErrUnexpectedEOF):
		f.contact, f.transient = contactLost, true
	default:
		f.contact = contactUnclear
	}
	return f
}

// networkCause is the part of err that came from the network, without MSAL's
// words around it; nil if err is about something else.
func networkCause(err error) error {
	if cause, ok := errors.AsType[net.Error](err); ok {
		return cause
	}
	return nil
}

func inspectAnswer(resp *http.Response) failure {
	const maxBody = 64 << 10
	f := failure{status: resp.StatusCode, retryAfter: retryAfter(resp.Header)}
	f.date, _ = http.ParseTime(resp.Header.Get("Date"))
	if resp.Body != nil {
		// MSAL keeps the body in a buffer, so reading it cannot block; it can be
		// read once.
		if body, _, err := readLimited(resp.Body, maxBody); err == nil {
			_ = json.Unmarshal(body, &f.answer)
		}
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

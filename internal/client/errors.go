package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/common"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// Kinds of error, to be tested with errors.Is. An [*Error] is of at least one of these kinds.
var (
	// ErrNotFound: the service itself reports that the object does not exist. A page of a proxy, a disabled feature or
	// a missing route is another kind of error. So none of these makes Terraform drop an object from the state.
	ErrNotFound = errors.New("not found")
	// ErrUnauthenticated: the workspace does not accept the caller: it refuses the token, or does not have the
	// principal.
	ErrUnauthenticated = errors.New("login refused by the workspace")
	// ErrPermissionDenied: the workspace knows the caller, and the caller lacks the permission.
	ErrPermissionDenied = errors.New("permission denied")
	// ErrConflict: the object exists already, or somebody is changing it at this moment.
	ErrConflict = errors.New("conflict")
	// ErrInvalid: the service refused the request as wrong (status 400 and similar).
	ErrInvalid = errors.New("refused as invalid")
	// ErrThrottled: the service refused the call before it did any work, because there were too many calls.
	ErrThrottled = errors.New("too many requests")
	// ErrUnavailable: the service could not answer at this moment.
	ErrUnavailable = errors.New("service unavailable")
	// ErrUnreachable: there was no connection to the host.
	ErrUnreachable = errors.New("host unreachable")
	// ErrAnswerLost: the request was sent, but no answer came, or none that shows whether the work was done. The caller
	// must read the object before a retry. The error of a write that was stopped is an ErrAnswerLost only if the write
	// had been sent by then: otherwise a search for its result could find only the object of somebody else.
	ErrAnswerLost = errors.New("answer lost")
	// ErrAddressBlocked: an IP access list of the workspace refuses the address that the call comes from.
	ErrAddressBlocked = errors.New("address blocked by the workspace's IP access list")
	// ErrNetworkPolicy: the workspace accepts no calls from the network that the call comes from.
	ErrNetworkPolicy = errors.New("network refused by the workspace")
	// ErrPrivateLink: the workspace accepts calls only over a private link, and the call came over another network.
	ErrPrivateLink = errors.New("workspace behind a private link")
	// ErrRedirected: something redirected the call. The API never redirects a call, so the redirect is not followed.
	ErrRedirected = errors.New("redirected")
	// ErrWrongWorkspace: the answer came from another workspace than the one that the provider block names, or than the
	// one that sent the answers before.
	ErrWrongWorkspace = errors.New("answer of another workspace")
	// ErrScope: the caller's token lacks the scope that the call needs, whatever permissions its owner has.
	ErrScope = errors.New("scope missing")
	// ErrFeatureDisabled: the workspace has the feature switched off, or its pricing tier does not include the feature.
	ErrFeatureDisabled = errors.New("feature not available in the workspace")
	// ErrNotAnAnswer: the response has a success status, but it is not what the call must return. It is a page,
	// nothing, or JSON of another form or about another object. For a write, the error is an [ErrAnswerLost] too. The
	// call is not sent again.
	ErrNotAnAnswer = errors.New("not an answer of the workspace")
	// ErrOther: an error of no other kind.
	ErrOther = errors.New("service error")
)

// Error is the error of one call. Either the workspace answered with an error, or there was no answer.
type Error struct {
	Kind      error
	Method    string    // of the request
	Path      string    // of the request, without query
	Status    int       // HTTP status; 0 when no answer came
	Code      string    // the service's error_code; may be empty
	Message   string    // the service's error message
	RequestID string    // id of the request, to quote to support; may be empty
	Caller    string    // who made the call; set if the caller was refused
	Login     auth.Kind // the login that made the call; set if the caller was refused

	cause      error
	notSent    bool // nothing was sent, so the request can safely be sent again
	idempotent bool // sending the request twice does what sending it once does
	renewed    bool // the workspace refused a token that has been replaced since
}

// newError returns an error about an answer. ctx is that of the call.
func newError(ctx context.Context, kind error, answer *http.Response, message string) *Error {
	return &Error{
		Kind:       kind,
		Method:     answer.Request.Method,
		Path:       answer.Request.URL.Path,
		Status:     answer.StatusCode,
		Message:    message,
		RequestID:  clean(answer.Header.Get("X-Request-Id")),
		idempotent: isIdempotent(ctx, answer.Request.Method),
	}
}

// Error returns a text with the service's status, code and message.
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.Status == 0:
		fmt.Fprintf(&b, "%s %s got no answer", e.Method, e.Path)
	case e.Code == "" || e.Code == strconv.Itoa(e.Status): // the code of the login layer is the status
		fmt.Fprintf(&b, "%s %s answered %d", e.Method, e.Path, e.Status)
	default:
		fmt.Fprintf(&b, "%s %s answered %d %s", e.Method, e.Path, e.Status, e.Code)
	}
	// If no answer came, the text leaves the cause out, because the SDK retries on words such as "connection refused".
	if e.Message != "" && e.Status != 0 {
		b.WriteString(": " + e.Message)
	}
	if e.RequestID != "" {
		b.WriteString(" (request id " + e.RequestID + ")")
	}
	if e.Caller != "" {
		b.WriteString("; the refused caller: " + e.Caller)
	}
	return b.String()
}

// Is makes errors.Is work with the kinds of error. Some errors are also ErrAnswerLost, because the work may have been
// done. These are a POST whose answer is a server error, a POST whose answer is a success from another workspace, and
// any write that something else than the workspace answered.
func (e *Error) Is(target error) bool {
	switch {
	case target == e.Kind:
		return true
	case target != ErrAnswerLost:
		return false
	case e.Kind == ErrNotAnAnswer:
		return e.Method != http.MethodGet
	case e.Kind == ErrWrongWorkspace:
		return !e.idempotent && e.Status < http.StatusMultipleChoices
	default:
		return !e.idempotent && e.Status >= http.StatusInternalServerError && e.Kind != ErrThrottled
	}
}

// Unwrap returns the underlying error, or nil if there is none.
func (e *Error) Unwrap() error { return e.cause }

// Expired reports whether the workspace refused the caller because the access token of the call has expired.
func (e *Error) Expired() bool {
	return e.Kind == ErrUnauthenticated && strings.Contains(strings.ToLower(e.Message), "expired")
}

// mapper returns the function by which the SDK turns an answer into an error. login is the login that makes the calls.
func mapper(login *auth.Login) func(context.Context, common.ResponseWrapper) error {
	return func(ctx context.Context, answer common.ResponseWrapper) error {
		err := mapAnswer(ctx, answer)
		e, ok := errors.AsType[*Error](err)
		if ok && (e.Status == http.StatusForbidden || errors.Is(e, ErrUnauthenticated)) {
			e.Caller, e.Login = callerOf(login, answer.Response.Request), login.Kind
		}
		return err
	}
}

// mapAnswer turns an answer into an error of a kind, or into nil. All that the service sends is interpreted here.
func mapAnswer(ctx context.Context, answer common.ResponseWrapper) error {
	body, err := io.ReadAll(answer.ReadCloser)
	if err != nil {
		return err
	}
	answer.ReadCloser = io.NopCloser(bytes.NewReader(body))
	if err = apierr.GetAPIError(ctx, answer); err == nil {
		return checkSuccess(ctx, answer)
	}
	api, ok := errors.AsType[*apierr.APIError](err)
	if !ok {
		return err
	}
	e := newError(ctx, nil, answer.Response, clean(api.Message))
	e.Status, e.Code = api.StatusCode, clean(api.ErrorCode)
	if want, ok := ctx.Value(expectedKey{}).(*expected); ok {
		e.renewed = want.renewed
	}
	if e.Code == "<nil>" { // the SDK writes this code for a body without error_code
		e.Code = ""
	}
	html := strings.HasPrefix(answer.Response.Header.Get("Content-Type"), "text/html") ||
		bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
	e.Kind = kindOf(e, html, len(body) == 0)
	if e.Kind == ErrNotFound { // the service itself answered, so the answer shows its clock
		noteDate(ctx, answer.Response)
	}
	return e
}

// refusalKind returns the kind of a 403 that does not depend on the caller's permissions, or nil. Only the service's
// message shows such a kind. If the service changes the message, status and code decide the kind.
func refusalKind(e *Error, fromLogin bool) error {
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(e.Message, w) })
	}
	switch {
	case fromLogin && says("Source IP address", "IP ACL"):
		return ErrAddressBlocked
	case says("Unauthorized network access", "privacy settings disallow access"):
		return ErrNetworkPolicy
	case says("required scopes"):
		return ErrScope
	default:
		return nil
	}
}

func kindOf(e *Error, html, empty bool) error {
	// The code of an error from the login layer is the HTTP status, or the error is a page. The code of an error from
	// the API is a word.
	_, numeric := strconv.Atoi(e.Code)
	fromLogin := html || e.Code == "" || numeric == nil
	if e.Status == http.StatusForbidden {
		if kind := refusalKind(e, fromLogin); kind != nil {
			return kind
		}
	}
	switch {
	case e.Code == "FEATURE_DISABLED",
		strings.HasPrefix(e.Message, "FEATURE_DISABLED"),
		strings.Contains(e.Message, "not available in this tier"):
		return ErrFeatureDisabled
	case e.Code == "QUOTA_EXCEEDED": // a limit of objects, not of calls, whatever the status: waiting does not help
		return ErrInvalid
	case e.Status == http.StatusTooManyRequests, strings.Contains(e.Message+e.Code, "REQUEST_LIMIT_EXCEEDED"):
		return ErrThrottled
	case e.Status == http.StatusUnauthorized,
		e.Status == http.StatusForbidden && fromLogin,
		e.Status == http.StatusBadRequest && html:
		return ErrUnauthenticated
	case e.Status == http.StatusForbidden:
		return ErrPermissionDenied
	case e.Code == "RESOURCE_DOES_NOT_EXIST" && !html:
		return ErrNotFound
	case e.Status == http.StatusNotFound:
		// Only the service's own words show that an object does not exist, because a gateway answers 404 as well. SCIM
		// sometimes sends its 404 without a body.
		said := !html && (e.Code == "NOT_FOUND" || e.Code == "SCIM_404")
		if said || empty && strings.HasPrefix(e.Path, scimRoot) {
			return ErrNotFound
		}
		return ErrOther
	case e.Status == http.StatusConflict, e.Code == "RESOURCE_ALREADY_EXISTS":
		return ErrConflict
	case e.Status >= 400 && e.Status < 500:
		return ErrInvalid
	case e.Status == http.StatusBadGateway,
		e.Status == http.StatusServiceUnavailable,
		e.Status == http.StatusGatewayTimeout:
		return ErrUnavailable
	default:
		return ErrOther
	}
}

// repeatable reports whether a failed call is sent again. It is the complete rule for retries. A throttled call is
// always sent again, because the service did no work. Another call is sent again only if its failure is probably
// temporary and the second request cannot do the work twice. A call with [WithoutRetry] is never sent again.
func repeatable(ctx context.Context, err error) bool {
	e, ok := errors.AsType[*Error](err)
	if ctx.Value(onceKey{}) != nil || !ok {
		return false
	}
	switch {
	case e.Kind == ErrThrottled, e.notSent:
		return true
	case !e.idempotent:
		return false
	default:
		return e.isTemporary()
	}
}

// isTemporary reports whether the service or the network failed in a way that is probably temporary.
func (e *Error) isTemporary() bool {
	return e.renewed || e.Kind == ErrUnavailable || e.Kind == ErrAnswerLost || e.Kind == ErrThrottled || e.notSent ||
		e.Kind == ErrConflict && (e.Code == "ABORTED" || e.Code == "RESOURCE_CONFLICT")
}

// Again decides whether to repeat a failed call whose work was not done, as a read of the object has shown. It pauses,
// and then reports true if the failure is probably temporary and the retry timeout since began is not over. The rule is
// that of automatic retries. try is the number of calls so far.
func (c *Client) Again(ctx context.Context, err error, began time.Time, try int) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || !e.isTemporary() {
		return false
	}
	return c.cfg.pause(ctx, began, backoff(try))
}

// backoff returns the pause after attempt number try.
func backoff(try int) time.Duration { return min(time.Duration(try)*time.Second, 10*time.Second) }

// pause pauses, and reports whether to try again: the retry timeout since began is not over, nor has ctx ended.
func (cfg Config) pause(ctx context.Context, began time.Time, pause time.Duration) bool {
	return time.Since(began)+pause <= cfg.RetryTimeout && web.Pause(ctx, pause) == nil
}

// MayBeDone reports whether the error of a write leaves open whether the service has done the work.
func MayBeDone(err error) bool {
	if errors.Is(err, ErrAnswerLost) {
		return true
	}
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind != ErrThrottled && (e.Kind == ErrUnavailable || e.Status >= http.StatusInternalServerError)
}

// mayBeDoneError is the error of a write after an attempt whose outcome no answer shows. The work may be done. It is an
// [ErrAnswerLost], whatever error ended the call afterwards.
type mayBeDoneError struct{ error }

func (e *mayBeDoneError) Is(target error) bool { return target == ErrAnswerLost }
func (e *mayBeDoneError) Unwrap() error        { return e.error }

// UnverifiedError is the error when the service accepted a write, but the object could not be read back.
type UnverifiedError struct{ Err error }

func (e *UnverifiedError) Error() string { return e.Err.Error() }

// Unwrap returns why the object could not be read back.
func (e *UnverifiedError) Unwrap() error { return e.Err }

// IsUnverified reports whether an error is an [UnverifiedError].
func IsUnverified(err error) bool { return hasType[*UnverifiedError](err) }

// finalReadTime bounds the last read of a caller that was cancelled. The read shows whether a write was done.
const finalReadTime = 15 * time.Second

// FinalReadContext returns a context for a last read, which shows whether a write was done. It can be used even if ctx
// has ended.
func FinalReadContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), finalReadTime)
}

type onceKey struct{}

// WithoutRetry returns a context whose calls are never retried, because they are correct only directly after a read;
// see [Client.Again].
func WithoutRetry(ctx context.Context) context.Context {
	return context.WithValue(ctx, onceKey{}, true)
}

type idempotentKey struct{}

// Idempotent returns a context whose calls may be sent again although their method is POST.
func Idempotent(ctx context.Context) context.Context {
	return context.WithValue(ctx, idempotentKey{}, true)
}

func isIdempotent(ctx context.Context, method string) bool {
	return method != http.MethodPost || ctx.Value(idempotentKey{}) != nil
}

// Advice is an error together with what the user can do about it, and with the attribute that it concerns.
type Advice struct {
	Err       error
	Attribute string // dotted path; empty if no attribute is concerned
	Next      string // the next step, in full sentences

	// lookUp returns a sentence for which a request must be sent; see [Advice.Text].
	lookUp func() string
}

// lookUpTime bounds the requests that look something up for an advice.
const lookUpTime = 10 * time.Second

// Text returns the next step for the user, and sends the requests that it needs. Only code that shows the error to a
// user calls it. For other code, such as a refresh that takes "not found" for deleted, the requests would be wasted.
func (a *Advice) Text() string {
	if a.lookUp == nil {
		return a.Next
	}
	return strings.TrimSpace(a.lookUp() + " " + a.Next)
}

func (a *Advice) Error() string { return a.Err.Error() }

// Unwrap returns the error without the advice.
func (a *Advice) Unwrap() error { return a.Err }

// GoneSincePlan is the next step when an apply does not find an object that its plan may have seen.
const GoneSincePlan = "If the object existed at the time of the plan, it was removed since then: plan again."

// Advise returns err with the next step for the user. attribute is the one that the error concerns; it may be empty.
func Advise(err error, attribute, next string) error {
	return &Advice{Err: err, Attribute: attribute, Next: next}
}

// AdviseDenied returns err with the next step if the caller lacks the permission. It returns any other error unchanged.
func AdviseDenied(err error, next string) error {
	if errors.Is(err, ErrPermissionDenied) {
		return Advise(err, "", next)
	}
	return err
}

// AddAdvice returns err with one more sentence in what the user reads of it.
func AddAdvice(err error, sentence string) error {
	if login, ok := errors.AsType[*auth.Error](err); ok {
		longer := *login
		longer.Detail += "\n\n" + sentence
		return &longer
	}
	if advice, ok := errors.AsType[*Advice](err); ok && advice.Next != "" {
		return Advise(advice.Err, advice.Attribute, advice.Next+"\n\n"+sentence)
	}
	return Advise(err, "", sentence)
}

// AtAttribute returns err with its advice, if it has any, moved to another attribute. It serves a resource in which the
// same value has another name.
func AtAttribute(err error, attribute string) error {
	if advice, ok := errors.AsType[*Advice](err); ok {
		elsewhere := *advice
		elsewhere.Attribute = attribute
		return &elsewhere
	}
	return err
}

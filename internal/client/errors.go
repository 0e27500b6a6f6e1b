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

// Kinds of error, to be tested with errors.Is. An [*Error] is at least one of them.
var (
	// ErrNotFound: the service reports that the object does not exist. A page of a proxy, a disabled feature or a
	// missing route is another error, so no object is dropped from the state because of one.
	ErrNotFound = errors.New("not found")
	// ErrUnauthenticated: the workspace does not accept the caller: token refused, or principal not in the workspace.
	ErrUnauthenticated = errors.New("login refused by the workspace")
	// ErrPermissionDenied: the workspace knows the caller, which lacks the permission.
	ErrPermissionDenied = errors.New("permission denied")
	// ErrConflict: the object exists already, or is being changed at this moment.
	ErrConflict = errors.New("conflict")
	// ErrInvalid: the request was refused as wrong (400 and its like).
	ErrInvalid = errors.New("refused as invalid")
	// ErrThrottled: too many calls; refused before any work was done.
	ErrThrottled = errors.New("too many requests")
	// ErrUnavailable: the service could not answer now.
	ErrUnavailable = errors.New("service unavailable")
	// ErrUnreachable: no connection to the host.
	ErrUnreachable = errors.New("host unreachable")
	// ErrAnswerLost: the request was sent, and there is no answer, or none that shows whether the work was done.
	// The caller must read the object before a retry.
	ErrAnswerLost = errors.New("answer lost")
	// ErrAddressBlocked: an IP access list of the workspace refuses the address that the call comes from.
	ErrAddressBlocked = errors.New("address blocked by the workspace's IP access list")
	// ErrNetworkPolicy: the workspace accepts no calls from the network that the call comes from.
	ErrNetworkPolicy = errors.New("network refused by the workspace")
	// ErrPrivateLink: the workspace accepts calls over a private link only, and the call came another way.
	ErrPrivateLink = errors.New("workspace behind a private link")
	// ErrRedirected: something redirected the call. The API never does that, and no redirect is followed.
	ErrRedirected = errors.New("redirected")
	// ErrWrongWorkspace: another workspace has answered than the one that the provider block names, or that answered
	// before.
	ErrWrongWorkspace = errors.New("answer of another workspace")
	// ErrScope: the caller's token lacks the scope that the call needs, whatever permissions its owner has.
	ErrScope = errors.New("scope missing")
	// ErrFeatureDisabled: the workspace has the feature switched off, or its pricing tier does not have it.
	ErrFeatureDisabled = errors.New("feature not available in the workspace")
	// ErrNotAnAnswer: the status was success, and the rest is not what the call must return: a page, nothing,
	// JSON of another form or about another object. Of a write it is an [ErrAnswerLost] too. It is not sent again.
	ErrNotAnAnswer = errors.New("not an answer of the workspace")
	// ErrOther: an error of none of the kinds above.
	ErrOther = errors.New("service error")
)

// Error is the error of one call: the workspace's answer, or that there was none.
type Error struct {
	Kind      error
	Method    string // of the request
	Path      string // of the request, without query
	Status    int    // HTTP status; 0 when no answer came
	Code      string // the service's error_code; may be empty
	Message   string // the service's words
	RequestID string // to quote to support; may be empty
	Caller    string // who called, where the caller was refused

	cause      error
	notSent    bool // the request never left: safe to send again
	idempotent bool // sending it twice does what sending it once does
	renewed    bool // refused with a token that another one has replaced since
}

// Error keeps the service's status, code and words.
func (e *Error) Error() string {
	var b strings.Builder
	switch {
	case e.Status == 0:
		fmt.Fprintf(&b, "%s %s got no answer", e.Method, e.Path)
	case e.Code == "" || e.Code == strconv.Itoa(e.Status): // the login layer repeats the status
		fmt.Fprintf(&b, "%s %s answered %d", e.Method, e.Path, e.Status)
	default:
		fmt.Fprintf(&b, "%s %s answered %d %s", e.Method, e.Path, e.Status, e.Code)
	}
	// Where no answer came the cause stays out of the text: the SDK repeats on words such as "connection refused".
	if e.Message != "" && e.Status != 0 {
		b.WriteString(": " + e.Message)
	}
	if e.RequestID != "" {
		b.WriteString(" (request id " + e.RequestID + ")")
	}
	if e.Caller != "" {
		b.WriteString("; refused to: " + e.Caller)
	}
	return b.String()
}

// Is makes errors.Is work with the kinds. A POST is also ErrAnswerLost if its answer is a server error, or a success in
// another workspace; and so is any write that something else than the workspace answers: either may have done the work.
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

// Unwrap is the cause below, if any.
func (e *Error) Unwrap() error { return e.cause }

// mapper returns the SDK's error mapper for one login.
func mapper(login *auth.Login) func(context.Context, common.ResponseWrapper) error {
	return func(ctx context.Context, answer common.ResponseWrapper) error {
		err := mapAnswer(ctx, answer)
		var e *Error
		if errors.As(err, &e) && (e.Status == http.StatusForbidden || errors.Is(e, ErrUnauthenticated)) {
			e.Caller = callerOf(login, answer.Response.Request)
		}
		return err
	}
}

// mapAnswer turns an answer into an error of a kind, or nil. It is the only place that reads what the service sends.
func mapAnswer(ctx context.Context, answer common.ResponseWrapper) error {
	body, err := io.ReadAll(answer.ReadCloser)
	if err != nil {
		return err
	}
	answer.ReadCloser = io.NopCloser(bytes.NewReader(body))
	err = apierr.GetAPIError(ctx, answer)
	var api *apierr.APIError
	switch {
	case err == nil:
		return judgeSuccess(ctx, answer)
	case !errors.As(err, &api):
		return err
	}
	e := &Error{
		Method:     answer.Response.Request.Method,
		Path:       answer.Response.Request.URL.Path,
		Status:     api.StatusCode,
		Code:       clean(api.ErrorCode),
		Message:    clean(api.Message),
		RequestID:  clean(answer.Response.Header.Get("X-Request-Id")),
		idempotent: isIdempotent(ctx, answer.Response.Request.Method),
	}
	if want, ok := ctx.Value(expectedKey{}).(*expected); ok {
		e.renewed = want.renewed
	}
	if e.Code == "<nil>" { // how the SDK writes a body without error_code
		e.Code = ""
	}
	html := strings.HasPrefix(answer.Response.Header.Get("Content-Type"), "text/html") ||
		bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
	e.Kind = kindOf(e, html, len(body) == 0)
	if e.Kind == ErrNotFound { // the service itself said so, and its clock is in the answer
		noteDate(ctx, answer.Response)
	}
	return e
}

// refusalKind is the kind of a 403 that has nothing to do with the caller's rights, or nil. Only the service's words
// show it; should they change, status and code decide.
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
	// Errors of the login layer carry the HTTP status as a number where errors of the API carry a word, or are a page.
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
	case e.Code == "QUOTA_EXCEEDED": // of objects, not of calls: waiting does not help, whatever the status
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
		// Only the service's own words say that an object is gone. A gateway answers 404 as well. SCIM leaves the body
		// out at times.
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

// repeatable is the complete rule for retries. Throttled calls are always retried, because the service did no work.
// Other failures are retried only where a second request cannot do the work twice.
func repeatable(ctx context.Context, err error) bool {
	var e *Error
	if ctx.Value(onceKey{}) != nil || !errors.As(err, &e) {
		return false
	}
	switch {
	case e.Kind == ErrThrottled, e.notSent:
		return true
	case !e.idempotent:
		return false
	default:
		return e.passing()
	}
}

// passing reports whether the failure is one of the service or the network that is probably temporary.
func (e *Error) passing() bool {
	return e.renewed || e.Kind == ErrUnavailable || e.Kind == ErrAnswerLost || e.Kind == ErrThrottled || e.notSent ||
		e.Kind == ErrConflict && (e.Code == "ABORTED" || e.Code == "RESOURCE_CONFLICT")
}

// Again is called after a failed call whose work, as a read of the object has shown, was not done. It pauses and
// reports whether to retry the call, by the rule of automatic retries: only after a failure that is probably temporary,
// and within the retry timeout since the first try began.
func (c *Client) Again(ctx context.Context, err error, began time.Time, try int) bool {
	var e *Error
	if !errors.As(err, &e) || !e.passing() {
		return false
	}
	pause := min(time.Duration(try)*time.Second, 10*time.Second)
	if time.Since(began)+pause > c.cfg.RetryTimeout {
		return false
	}
	return web.Pause(ctx, pause) == nil
}

// MayBeDone reports whether a write failed in a way that does not show whether the service has done the work.
func MayBeDone(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind != ErrThrottled &&
		(e.Kind == ErrUnavailable || errors.Is(err, ErrAnswerLost) || e.Status >= http.StatusInternalServerError)
}

// lookTime bounds the last read of a cancelled caller, which shows whether the work was done.
const lookTime = 15 * time.Second

// LastLook returns a context for that read, which is usable even if the caller's own context has ended.
func LastLook(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), lookTime)
}

type onceKey struct{}

// Once marks calls of ctx as never to be retried, because they are right only directly after a read;
// see [Client.Again].
func Once(ctx context.Context) context.Context {
	return context.WithValue(ctx, onceKey{}, true)
}

type idempotentKey struct{}

// Idempotent marks calls of ctx as safe to send again although their method is POST.
func Idempotent(ctx context.Context) context.Context {
	return context.WithValue(ctx, idempotentKey{}, true)
}

func isIdempotent(ctx context.Context, method string) bool {
	return method != http.MethodPost || ctx.Value(idempotentKey{}) != nil
}

// Advice is an error together with what the user can do about it, and where in the configuration.
type Advice struct {
	Err       error
	Attribute string // dotted path, empty when none concerns it
	Next      string // full sentences

	// lookUp returns a sentence that takes a request to find out; see [Advice.Text].
	lookUp func() string
}

// lookUpTime bounds what is looked up for an advice.
const lookUpTime = 10 * time.Second

// Text is the next step, with what is looked up for it. Only code that shows the error to a user calls it: for others,
// such as a refresh that takes "not found" for gone, the request would be wasted.
func (a *Advice) Text() string {
	if a.lookUp == nil {
		return a.Next
	}
	return strings.TrimSpace(a.lookUp() + " " + a.Next)
}

func (a *Advice) Error() string { return a.Err.Error() }

// Unwrap is the error itself.
func (a *Advice) Unwrap() error { return a.Err }

// GoneSincePlan is the next step where an apply misses something that its plan has perhaps seen.
const GoneSincePlan = "If it was there when the plan was made, it has been removed since: plan again."

// Advise adds the next step to err.
func Advise(err error, attribute, next string) error {
	return &Advice{Err: err, Attribute: attribute, Next: next}
}

// Also adds a sentence to what a user reads of an error.
func Also(err error, sentence string) error {
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

// AtAttribute is err with its advice, if it has one, pointing at another attribute: the same thing has another name
// there.
func AtAttribute(err error, attribute string) error {
	var advice *Advice
	if errors.As(err, &advice) {
		elsewhere := *advice
		elsewhere.Attribute = attribute
		return &elsewhere
	}
	return err
}

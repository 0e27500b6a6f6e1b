package client

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/databricks/databricks-sdk-go/common"
)

var kinds = []error{
	ErrNotFound, ErrUnauthenticated, ErrPermissionDenied, ErrConflict, ErrInvalid, ErrThrottled, ErrUnavailable, ErrUnreachable, ErrAnswerLost, ErrOther,
	ErrAddressBlocked, ErrNetworkPolicy, ErrPrivateLink, ErrRedirected, ErrWrongWorkspace, ErrScope, ErrFeatureDisabled,
}

// TestMapAnswer has one row per form in which the service, or a system in front of it, was seen to refuse a call.
func TestMapAnswer(t *testing.T) {
	t.Parallel()
	const json, scim, page = "application/json", "application/scim+json", "text/html;charset=utf-8"
	for name, tc := range map[string]struct {
		method  string // GET if empty
		path    string // a path of the API if empty
		status  int
		form    string
		body    string
		kind    error
		lost    bool // whether the error is also ErrAnswerLost
		code    string
		message string
	}{
		"not found":                                {status: 404, form: json, body: `{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"no such thing"}`, kind: ErrNotFound, code: "RESOURCE_DOES_NOT_EXIST", message: "no such thing"},
		"not found by code":                        {status: 400, form: json, body: `{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"gone"}`, kind: ErrNotFound},
		"not found in another word":                {status: 404, form: json, body: `{"error_code":"NOT_FOUND","message":"gone"}`, kind: ErrNotFound},
		"not found in SCIM":                        {status: 404, form: scim, body: `{"schemas":[],"detail":"Service principal with id 1 not found","status":"404"}`, kind: ErrNotFound, code: "SCIM_404", message: "Service principal with id 1 not found"},
		"not found without a body":                 {status: 404, kind: ErrOther, message: "Not Found"},
		"not found in SCIM, no body":               {status: 404, path: scimRoot + "Groups/1", kind: ErrNotFound, message: "Not Found"},
		"no such route":                            {status: 404, form: json, body: `{"error_code":"ENDPOINT_NOT_FOUND","message":"No API found for 'GET /x'"}`, kind: ErrOther},
		"feature disabled":                         {status: 404, form: json, body: `{"error_code":"FEATURE_DISABLED","message":"not enabled"}`, kind: ErrFeatureDisabled},
		"not in this tier":                         {status: 403, form: json, body: `{"error_code":"PERMISSION_DENIED","message":"ACLs for token are disabled or not available in this tier"}`, kind: ErrFeatureDisabled},
		"not in this tier, as a failure":           {status: 500, form: json, body: `{"error_code":"INTERNAL_ERROR","message":"FEATURE_DISABLED: ACLs for cluster are disabled or not available in this tier"}`, kind: ErrFeatureDisabled},
		"IP access list":                           {status: 403, form: json, body: `{"error_code":403,"message":"Source IP address: 203.0.113.7 is blocked by Databricks IP ACL for workspace: 42 [ReqId: r]"}`, kind: ErrAddressBlocked, code: "403"},
		"IP access list of SCIM":                   {status: 403, form: scim, body: `{"error_code":403,"message":"Source IP address: 203.0.113.7 is blocked by Databricks IP ACL for workspace: 42"}`, kind: ErrAddressBlocked},
		"IP access list, page":                     {status: 403, form: page, body: `<html><pre>Source IP address: 203.0.113.7 is blocked by Databricks IP ACL for workspace: 42</pre></html>`, kind: ErrAddressBlocked},
		"the same words of the API":                {status: 403, form: json, body: `{"error_code":"PERMISSION_DENIED","message":"only admins may change the IP ACL"}`, kind: ErrPermissionDenied},
		"network policy":                           {status: 403, form: json, body: `{"error_code":403,"message":"Unauthorized network access to workspace: 42"}`, kind: ErrNetworkPolicy, code: "403"},
		"network policy, word for a code":          {status: 403, form: json, body: `{"error_code":"PERMISSION_DENIED","message":"Unauthorized network access to workspace: 42"}`, kind: ErrNetworkPolicy},
		"private settings":                         {status: 403, form: json, body: `{"error_code":403,"message":"Configured privacy settings disallow access for workspace 42 over your current network."}`, kind: ErrNetworkPolicy},
		"scope of an OAuth token":                  {status: 403, form: json, body: `{"error_code":403,"message":"Provided OAuth token does not have required scopes: model-serving"}`, kind: ErrScope},
		"scope of an access token":                 {status: 403, form: json, body: `{"error_code":"PERMISSION_DENIED","message":"Provided access token does not have required scopes: authentication"}`, kind: ErrScope},
		"scope, newer words":                       {status: 403, form: json, body: `{"error_code":403,"message":"Invalid scope, required scopes: model-serving, model-serving-inference"}`, kind: ErrScope},
		"404 page of a proxy":                      {status: 404, form: page, body: `<html><pre>no</pre></html>`, kind: ErrOther},
		"404 in plain text":                        {status: 404, form: "text/plain", body: "nothing here", kind: ErrOther, code: "UNKNOWN", message: "nothing here"},
		"404 of a gateway":                         {status: 404, form: json, body: `{"error_code":404,"message":"no route to the workspace"}`, kind: ErrOther},
		"no credential":                            {status: 401, form: json, body: `{"error_code":401,"message":"Credential was not sent"}`, kind: ErrUnauthenticated},
		"401 page":                                 {status: 401, form: page, body: `<html><pre>no</pre></html>`, kind: ErrUnauthenticated},
		"not the workspace, numeric code":          {status: 403, form: json, body: `{"error_code":403,"message":"Unauthorized access to workspace: 1"}`, kind: ErrUnauthenticated, code: "403"},
		"not the workspace, page":                  {status: 403, form: page, body: `<html><pre>    User not authorized.</pre></html>`, kind: ErrUnauthenticated, message: "User not authorized"},
		"not the workspace, page without a reason": {status: 403, form: page, body: `<html>no</html>`, kind: ErrUnauthenticated},
		"not the workspace, empty body":            {status: 403, kind: ErrUnauthenticated},
		"wrong audience, page":                     {status: 400, form: page, body: `<html><pre>io.jsonwebtoken.IncorrectClaimException: aud</pre></html>`, kind: ErrUnauthenticated},
		"denied":                                   {status: 403, form: json, body: `{"error_code":"PERMISSION_DENIED","message":"only admins"}`, kind: ErrPermissionDenied},
		"denied in SCIM":                           {status: 403, form: scim, body: `{"detail":"only admins","status":"403"}`, kind: ErrPermissionDenied, code: "SCIM_403"},
		"invalid":                                  {status: 400, form: json, body: `{"error_code":"INVALID_PARAMETER_VALUE","message":"bad"}`, kind: ErrInvalid},
		"invalid in SCIM":                          {status: 400, form: scim, body: `{"detail":"bad","status":"400","scimType":"invalidValue"}`, kind: ErrInvalid, message: "invalidValue bad"},
		"invalid in plain text":                    {status: 400, form: "text/plain", body: "bad", kind: ErrInvalid},
		"invalid, status as a number":              {status: 400, form: scim, body: `{"detail":"bad","status":400}`, kind: ErrInvalid, code: "UNKNOWN"},
		"too large":                                {status: 413, form: json, body: `{"error_code":"MAX_REQUEST_SIZE_EXCEEDED","message":"big"}`, kind: ErrInvalid},
		"quota of objects":                         {status: 429, form: json, body: `{"error_code":"QUOTA_EXCEEDED","message":"600 tokens"}`, kind: ErrInvalid},
		"conflict":                                 {status: 409, form: json, body: `{"error_code":"ABORTED","message":"busy"}`, kind: ErrConflict},
		"exists":                                   {status: 400, form: json, body: `{"error_code":"RESOURCE_ALREADY_EXISTS","message":"there"}`, kind: ErrConflict},
		"exists in SCIM":                           {status: 409, form: scim, body: `{"detail":"there","status":"409","scimType":"uniqueness"}`, kind: ErrConflict},
		"throttled":                                {status: 429, form: json, body: `{"error_code":"RESOURCE_EXHAUSTED","message":"slow"}`, kind: ErrThrottled},
		"throttled POST":                           {method: "POST", status: 429, kind: ErrThrottled},
		"throttled, by code":                       {method: "POST", status: 500, form: json, body: `{"error_code":"REQUEST_LIMIT_EXCEEDED","message":"slow"}`, kind: ErrThrottled},
		"throttled, by text of SCIM":               {method: "POST", status: 500, form: scim, body: `{"detail":"REQUEST_LIMIT_EXCEEDED: slow","status":"500"}`, kind: ErrThrottled},
		"throttled, in a word":                     {status: 500, form: "text/plain", body: "REQUEST_LIMIT_EXCEEDED: slow", kind: ErrThrottled, message: "slow"},
		"unavailable":                              {status: 503, form: json, body: `{"error_code":"TEMPORARILY_UNAVAILABLE","message":"later"}`, kind: ErrUnavailable},
		"bad gateway, page":                        {status: 502, form: page, body: `<html>no</html>`, kind: ErrUnavailable},
		"gateway timeout, plain":                   {status: 504, form: "text/plain", body: "upstream request timeout", kind: ErrUnavailable, message: "upstream request timeout"},
		"unavailable POST may have worked":         {method: "POST", status: 503, kind: ErrUnavailable, lost: true},
		"broken":                                   {status: 500, form: json, body: `{"error_code":"INTERNAL_ERROR","message":"oops"}`, kind: ErrOther},
		"broken SCIM, null":                        {status: 500, form: scim, body: `{"detail":"null","status":"500"}`, kind: ErrOther, message: "SCIM API Internal Error"},
		"broken POST may have worked":              {method: "POST", status: 500, form: json, body: `{"error_code":"INTERNAL_ERROR","message":"oops"}`, kind: ErrOther, lost: true},
		"refused POST changed nothing":             {method: "POST", status: 400, form: json, body: `{"error_code":"MALFORMED_REQUEST","message":"bad"}`, kind: ErrInvalid},
		"JSON that is not an error's":              {status: 404, form: json, body: `{"message":"gone"}`, kind: ErrOther, message: "gone"},
		"404 page with the content type of JSON":   {status: 404, form: json, body: `<html><pre>not found</pre></html>`, kind: ErrOther},
		"404 in an unknown word":                   {status: 404, form: json, body: `{"error_code":"ROUTE_MISSING","message":"gone"}`, kind: ErrOther},
		"broken PATCH is sent again safely":        {method: "PATCH", status: 500, form: json, body: `{"error_code":"INTERNAL_ERROR","message":"oops"}`, kind: ErrOther},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			method := tc.method
			if method == "" {
				method = http.MethodGet
			}
			answer := answerOf(method, tc.status, tc.form, tc.body)
			path := cmp.Or(tc.path, "/api/2.0/things")
			answer.Response.Request.URL.Path = path
			err := mapAnswer(t.Context(), answer)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v is no *Error", err)
			}
			for _, kind := range kinds {
				want := errors.Is(kind, tc.kind) || errors.Is(kind, ErrAnswerLost) && tc.lost
				if errors.Is(err, kind) != want {
					t.Errorf("errors.Is(%v, %q) is %t", err, kind, !want)
				}
			}
			if tc.code != "" && e.Code != tc.code {
				t.Errorf("code %q, not %q", e.Code, tc.code)
			}
			if tc.message != "" && e.Message != tc.message {
				t.Errorf("message %q, not %q", e.Message, tc.message)
			}
			if e.Status != tc.status || e.Method != method || e.Path != path || e.RequestID != "req-1" {
				t.Errorf("status, method, path or request id got lost: %+v", e)
			}
			if strings.Contains(err.Error(), "secret-query") || strings.Contains(err.Error(), "<nil>") {
				t.Errorf("the text shows what it should not: %s", err)
			}
		})
	}
}

func TestMapAnswerOfSuccess(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 204} {
		if err := mapAnswer(t.Context(), answerOf("GET", status, "application/json", "{}")); err != nil {
			t.Errorf("%d is an error: %v", status, err)
		}
	}
}

func answerOf(method string, status int, form, body string) common.ResponseWrapper {
	request := &http.Request{Method: method, URL: &url.URL{Scheme: "https", Host: "adb", Path: "/api/2.0/things",
		RawQuery: "filter=secret-query"}}
	response := &http.Response{
		Status: http.StatusText(status), StatusCode: status, Request: request,
		Header: http.Header{"X-Request-Id": {"req-1"}, "Content-Type": {form}},
	}
	return common.ResponseWrapper{ReadCloser: io.NopCloser(strings.NewReader(body)), Response: response}
}

// TestRepeatable checks the rule for retries, with one row per case.
func TestRepeatable(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  *Error
		get  bool
		post bool
	}{
		"throttled":                {&Error{Kind: ErrThrottled, Status: 429}, true, true},
		"limit, with 500":          {&Error{Kind: ErrThrottled, Status: 500}, true, true},
		"unavailable":              {&Error{Kind: ErrUnavailable, Status: 503}, true, false},
		"answer lost":              {&Error{Kind: ErrAnswerLost}, true, false},
		"never left":               {&Error{Kind: ErrUnreachable, notSent: true}, true, true},
		"unreachable":              {&Error{Kind: ErrUnreachable}, false, false},
		"aborted":                  {&Error{Kind: ErrConflict, Status: 409, Code: "ABORTED"}, true, false},
		"changed by somebody":      {&Error{Kind: ErrConflict, Status: 409, Code: "RESOURCE_CONFLICT"}, true, false},
		"exists":                   {&Error{Kind: ErrConflict, Status: 409, Code: "RESOURCE_ALREADY_EXISTS"}, false, false},
		"exists in SCIM":           {&Error{Kind: ErrConflict, Status: 409, Code: "SCIM_409"}, false, false},
		"broken":                   {&Error{Kind: ErrOther, Status: 500}, false, false},
		"denied":                   {&Error{Kind: ErrPermissionDenied, Status: 403}, false, false},
		"login refused":            {&Error{Kind: ErrUnauthenticated, Status: 401}, false, false},
		"not found":                {&Error{Kind: ErrNotFound, Status: 404}, false, false},
		"refused as wrong":         {&Error{Kind: ErrInvalid, Status: 400}, false, false},
		"too many objects, by 429": {&Error{Kind: ErrInvalid, Status: 429, Code: "QUOTA_EXCEEDED"}, false, false},
	} {
		for _, idempotent := range []bool{true, false} {
			e, want := *tc.err, tc.post
			e.idempotent = idempotent
			if idempotent {
				want = tc.get
			}
			if got := repeatable(t.Context(), &e); got != want {
				t.Errorf("%s, idempotent %t: repeatable is %t", name, idempotent, got)
			}
		}
	}
	if repeatable(t.Context(), errors.New("something else")) || repeatable(t.Context(), context.Canceled) {
		t.Error("what is not the workspace's answer is sent again")
	}
}

func TestIdempotent(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]bool{"GET": true, "PUT": true, "PATCH": true, "DELETE": true, "POST": false} {
		if got := isIdempotent(t.Context(), method); got != want {
			t.Errorf("%s idempotent: %t", method, got)
		}
	}
	if !isIdempotent(Idempotent(t.Context()), "POST") {
		t.Error("a POST that is marked is not")
	}
}

// TestTextOfAnAttemptWithoutAnswerHasNoWordsTheSDKRepeatsOn checks the text of an error without an answer. The SDK
// sends any call again, even a POST, if it finds certain words in the text.
func TestTextOfAnAttemptWithoutAnswerHasNoWordsTheSDKRepeatsOn(t *testing.T) {
	t.Parallel()
	for _, kind := range []error{ErrAnswerLost, ErrUnreachable} {
		cause := &net.OpError{Op: "read", Err: errors.New("connection reset by peer, connection refused, i/o timeout")}
		e := &Error{Kind: kind, Method: "POST", Path: "/x", Message: cause.Error(), cause: cause}
		if e.Error() != "POST /x got no answer" {
			t.Errorf("%s", e)
		}
		if !errors.Is(e, cause) {
			t.Error("the cause is lost")
		}
	}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	cause := &Error{Kind: ErrNotFound, Method: "GET", Path: "/x", Status: 404, Code: "RESOURCE_DOES_NOT_EXIST",
		Message: "gone", RequestID: "r"}
	err := AtAttribute(Advise(cause, "name", "Do this."), "endpoint_name")
	var advice *Advice
	if !errors.As(err, &advice) || advice.Attribute != "endpoint_name" || advice.Next != "Do this." ||
		!errors.Is(err, ErrNotFound) {
		t.Errorf("%#v", err)
	}
	if err.Error() != "GET /x answered 404 RESOURCE_DOES_NOT_EXIST: gone (request id r)" {
		t.Errorf("%s", err)
	}
	if plain := AtAttribute(cause, "x"); any(plain) != any(cause) {
		t.Errorf("an error without advice got one: %#v", plain)
	}
}

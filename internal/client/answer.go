package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/databricks/databricks-sdk-go/common"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// An Answer is what a call promises to come back: a struct with JSON tags. A status of success alone proves nothing,
// because a proxy, a sign-in page or another service may have sent it.
type Answer interface {
	// Lacks says what keeps the decoded JSON from being the answer to what was asked, such as another object's id;
	// empty when nothing does. bare says that the JSON was {}, which is how the service writes an empty list.
	Lacks(bare bool) string
}

// Optional is the answer to a write that may come without a body or as {}. Shown says that it came; where it did not, the
// object must be read to know what the write did.
type Optional struct {
	Answer
	Shown bool
}

// Named is for [Answer.Lacks]: it says what is wrong when an answer names another object than the one asked for, or none.
// Ids are compared without case. With an empty want any name will do.
func Named(field, got, want string) string {
	switch {
	case got == "":
		return "it has no " + field
	case want != "" && !strings.EqualFold(got, want):
		return fmt.Sprintf("its %s is %s, not %s", field, clean(got), want)
	}
	return ""
}

// Call sends one request below the host and decodes what comes back into answer, which then reports whether it is the answer.
// With a nil answer the call promises nothing but success, written as nothing or as a JSON object. Whatever else a status
// of success came with is an error of the kind [ErrNotAnAnswer].
func (c *Client) Call(ctx context.Context, method, path string, query map[string]any, request any, answer Answer) error {
	_, err := c.call(ctx, method, path, query, request, answer)
	return err
}

// expected is what a call hands down to where its answer is judged, and what it gets back from there.
type expected struct {
	answer      Answer
	date        time.Time // the service's clock as the answer was made
	servedModel string    // of a scoring call
	renewed     bool      // refused with a token that another one has replaced since
}

type expectedKey struct{}

// call is the only way to the workspace, so that nothing is believed that was not judged.
func (c *Client) call(ctx context.Context, method, path string, query map[string]any, request any, answer Answer) (*expected, error) {
	if err := checkPath(method, path); err != nil {
		return nil, err
	}
	headers := map[string]string{"Accept": "application/json"}
	if request != nil {
		headers["Content-Type"] = "application/json"
	}
	if c.cfg.WorkspaceID != "" {
		headers["X-Databricks-Workspace-Id"] = c.cfg.WorkspaceID
	}
	want := &expected{answer: answer}
	err := c.sdk.Do(context.WithValue(ctx, expectedKey{}, want), method, path, headers, query, request, nil)
	if !want.date.IsZero() {
		c.transport.ahead.Store(int64(time.Until(want.date)))
	}
	if err != nil {
		return nil, err
	}
	if want.date.IsZero() {
		want.date = c.Now()
	}
	return want, nil
}

// noteDate hands the service's clock, as an answer shows it, up to the call.
func noteDate(ctx context.Context, r *http.Response) {
	want, ok := ctx.Value(expectedKey{}).(*expected)
	if date, err := http.ParseTime(r.Header.Get("Date")); ok && err == nil {
		want.date = date.UTC()
	}
}

// judgeSuccess decodes an answer that has a status below 400, and gives an error where it is not the answer to the call.
func judgeSuccess(ctx context.Context, answer common.ResponseWrapper) error {
	want, ok := ctx.Value(expectedKey{}).(*expected)
	if !ok {
		return nil
	}
	r := answer.Response
	body, err := io.ReadAll(answer.ReadCloser)
	if err != nil {
		return err
	}
	var code, fault string
	if r.StatusCode < 200 || r.StatusCode > 299 {
		fault = "a status that the API does not use"
	} else {
		code, fault = judge(r, body, want.answer)
	}
	if fault != "" {
		return &Error{Kind: ErrNotAnAnswer, Method: r.Request.Method, Path: r.Request.URL.Path, Status: r.StatusCode, Code: code,
			Message: r.Request.URL.Host + " sent " + fault, RequestID: clean(r.Header.Get("X-Request-Id")), idempotent: isIdempotent(ctx, r.Request.Method)}
	}
	noteDate(ctx, r)
	want.servedModel = r.Header.Get("served-model-name")
	return nil
}

// judge decodes the body of a success, and says what came if that is no answer. Nothing of the body is repeated but the
// title of a page and the service's own words of an error, because a body may hold a token.
func judge(r *http.Response, body []byte, answer Answer) (code, fault string) {
	text := bytes.TrimSpace(body)
	if optional, ok := answer.(*Optional); ok {
		if optional.Shown = len(text) > 0 && !isBare(text); optional.Shown {
			answer = optional.Answer
		} else {
			answer = nil
		}
	}
	form := web.ObjectOrNothing // a list that is empty may come as {}
	if answer != nil && len(text) == 0 {
		form = web.Object
	}
	if no, ok := errors.AsType[*web.NoAnswer](web.Check(r, text, form)); ok {
		return "", no.Got
	}
	if code, fault := disguised(text); fault != "" || answer == nil {
		return code, fault
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return "", "JSON of another form than the call promises"
	}
	if lack := answer.Lacks(isBare(text)); lack != "" {
		return "", "JSON that does not answer the request: " + lack
	}
	return "", ""
}

// isBare reports whether a JSON object has nothing in it.
func isBare(object []byte) bool {
	inside, braces := bytes.CutPrefix(object, []byte("{"))
	return braces && string(bytes.TrimSpace(inside)) == "}"
}

// disguised recognises the body of an error that came under a status of success.
func disguised(text []byte) (code, fault string) {
	// Looked for as text first: decoding a long list twice takes time.
	if !bytes.Contains(text, []byte(`"error_code"`)) && !bytes.Contains(text, []byte(scimError)) {
		return "", ""
	}
	var body struct {
		Code    json.RawMessage `json:"error_code"`
		Message string          `json:"message"`
		Schemas []string        `json:"schemas"`
		Detail  string          `json:"detail"`
	}
	if err := json.Unmarshal(text, &body); err != nil {
		return "", "" // what reads the answer says it better
	}
	code = strings.Trim(string(body.Code), `"`)
	switch {
	case code != "" && code != "null":
		return clean(code), "an error under a status of success: " + clean(body.Message)
	case len(body.Schemas) == 1 && body.Schemas[0] == scimError:
		return "", "an error under a status of success: " + clean(body.Detail)
	}
	return "", ""
}

const scimError = "urn:ietf:params:scim:api:messages:2.0:Error"

// clean makes foreign text fit to be shown in a message.
func clean(text string) string { return web.Text(text, longestText) }

const longestText = 400 // bytes

// ConfirmEmpty is for whoever was answered {} where that means an empty list: what stands in for the workspace may say {} to
// everything, so this asks who calls, which is never {}. One request, shared by everything in this run.
func (c *Client) ConfirmEmpty(ctx context.Context) error {
	_, err := c.self.Get(ctx, AnyAge, c.Me)
	return err
}

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

// An Answer is what a call must return: a struct with JSON tags. A status of success alone proves nothing, because a
// proxy, a sign-in page or another service may have sent it.
type Answer interface {
	// Lacks returns why the decoded JSON is not the answer to the request, such as another object's id; empty where it
	// is. bare is whether the JSON was {}, which is how the service writes an empty list.
	Lacks(bare bool) string
}

// Optional is the answer to a write that may have no body, or {}. Shown is whether the answer was there; where it was
// not, only a read shows what the write did.
type Optional struct {
	Answer
	Shown bool
}

// Named returns what is wrong with an answer that names no object, or another object than want: a helper for
// [Answer.Lacks]. It ignores case. An empty want accepts any name.
func Named(field, got, want string) string {
	switch {
	case got == "":
		return "it has no " + field
	case want != "" && !strings.EqualFold(got, want):
		return fmt.Sprintf("its %s is %s, not %s", field, clean(got), want)
	}
	return ""
}

// Call sends one request to the workspace and decodes the response into answer, which then reports whether it is the
// answer. With a nil answer the call promises nothing but success, written as nothing or as a JSON object. Whatever
// else a status of success came with is an error of the kind [ErrNotAnAnswer].
func (c *Client) Call(
	ctx context.Context,
	method, path string,
	query map[string]any,
	request any,
	answer Answer,
) error {
	_, err := c.call(ctx, method, path, query, request, answer)
	return err
}

// expected travels in the context of a request to the code that checks the answer, and brings back what that code
// found.
type expected struct {
	answer      Answer
	date        time.Time // the service's clock at the answer
	servedModel string    // of a scoring call
	renewed     bool      // refused with a token that another one has replaced since
}

type expectedKey struct{}

// call is the only way to the workspace, so that nothing is believed that was not judged.
func (c *Client) call(
	ctx context.Context,
	method, path string,
	query map[string]any,
	request any,
	answer Answer,
) (*expected, error) {
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

// judgeSuccess decodes an answer with a status below 400, and returns an error where it is not the answer to the call.
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
		return &Error{
			Kind:       ErrNotAnAnswer,
			Method:     r.Request.Method,
			Path:       r.Request.URL.Path,
			Status:     r.StatusCode,
			Code:       code,
			Message:    r.Request.URL.Host + " sent " + fault,
			RequestID:  clean(r.Header.Get("X-Request-Id")),
			idempotent: isIdempotent(ctx, r.Request.Method),
		}
	}
	noteDate(ctx, r)
	want.servedModel = r.Header.Get("served-model-name")
	return nil
}

// judge decodes the body of a success, and returns what it was where it is no answer. It repeats nothing of the body
// but the title of a page and the words of an error, because a body may hold a token.
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
	if fault := tooMany(text, answer); fault != "" {
		return "", fault
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return "", "JSON of another form than the call promises"
	}
	if lack := answer.Lacks(isBare(text)); lack != "" {
		return "", "JSON that does not answer the request: " + lack
	}
	return "", ""
}

// What an answer may hold at most, so that decoding it takes little memory: a value of one byte may take hundreds.
const (
	mostObjects = 200_000
	mostValues  = 4_000_000
)

// tooMany returns what is wrong with an answer of more values than any workspace has; empty where nothing is. Braces
// and commas in texts count too. An answer that keeps its text, as that of a model, costs no more than its length.
func tooMany(text []byte, answer Answer) string {
	if _, keepsText := answer.(json.Unmarshaler); keepsText {
		return ""
	}
	if objects := bytes.Count(text, []byte("{")); objects > mostObjects {
		return fmt.Sprintf("JSON of more than %d objects", mostObjects)
	}
	if values := bytes.Count(text, []byte(",")); values > mostValues {
		return fmt.Sprintf("JSON of more than %d values", mostValues)
	}
	return ""
}

// mostListed is three times as many service principals and users as an account can have, and thirty times as many
// endpoints as a workspace can have. Terraform keeps some kilobytes for each entry of a list.
// https://learn.microsoft.com/azure/databricks/resources/limits
const mostListed = 30_000

// Bounded returns an error of the kind [ErrNotAnAnswer] if a list is longer than it can be in any workspace. of says
// what the entries are, such as "tokens".
func Bounded(count int, of string) error {
	if count <= mostListed {
		return nil
	}
	return fmt.Errorf("the workspace lists more than %d %s: %w", mostListed, of, ErrNotAnAnswer)
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
		return "", "" // the error of the decoding that follows is more precise
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

// ConfirmEmpty returns an error if {} may not mean an empty list. A proxy may answer {} to every request, so this asks
// for the current user, and that answer is never {}. One request, shared by all who ask at once.
func (c *Client) ConfirmEmpty(ctx context.Context) error {
	_, err := c.self.GetSince(ctx, time.Now(), c.Me)
	return err
}

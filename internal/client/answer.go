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

// An Answer is the struct with JSON tags into which a call decodes the response. Its method Lacks checks that the
// response answers the request. A success status alone proves nothing, because a proxy, a sign-in page or another
// service may have sent it.
type Answer interface {
	// Lacks returns why the decoded JSON is not the answer to the request, such as the id of another object. It returns
	// an empty string for the answer to the request. bare says that the JSON was {}, as the service writes an empty
	// list.
	Lacks(bare bool) string
}

// Optional is the answer to a write that may return no body, or {}. Shown reports whether the response held the answer.
// If it did not, only a read shows what the write did.
type Optional struct {
	Answer
	Shown bool
}

// CheckName returns what is wrong with the field of an answer that names the object, and an empty string if nothing is
// wrong. got is the value of the field. It must not be empty, and must be equal to want, without regard to case. An
// empty want accepts any value. It serves the methods [Answer.Lacks].
func CheckName(field, got, want string) string {
	switch {
	case got == "":
		return "the answer has no " + field
	case want != "" && !strings.EqualFold(got, want):
		return fmt.Sprintf("the %s in the answer is %s, not %s", field, clean(got), want)
	}
	return ""
}

// Call sends one request to the workspace, decodes the response into answer, and checks by [Answer.Lacks] that it
// answers the request. If answer is nil, an empty body or a JSON object is enough. Any other response with a success
// status is an error of the kind [ErrNotAnAnswer].
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

// expected holds the answer that a call expects. The context of the request passes it to the code that checks the
// response, and that code stores in it what the response shows.
type expected struct {
	answer      Answer
	date        time.Time // the service's clock when it answered
	servedModel string    // the name of the model that answered a scoring call
	renewed     bool      // whether the workspace refused a token that has been replaced since
	mayBeDone   bool      // whether an attempt of a write got no answer that shows if the work was done
}

type expectedKey struct{}

// call sends one request to the workspace's API. All calls go through it, so that no response is used unchecked.
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
	switch {
	case err != nil && want.mayBeDone:
		return nil, &mayBeDoneError{err}
	case err != nil:
		return nil, err
	case want.date.IsZero():
		want.date = c.Now()
	}
	return want, nil
}

// noteDate stores the service's clock, which the Date header of the response shows, for the call.
func noteDate(ctx context.Context, r *http.Response) {
	want, ok := ctx.Value(expectedKey{}).(*expected)
	if date, err := http.ParseTime(r.Header.Get("Date")); ok && err == nil {
		want.date = date.UTC()
	}
}

// checkSuccess decodes a response with a status below 400, and returns an error if it does not answer the call.
func checkSuccess(ctx context.Context, answer common.ResponseWrapper) error {
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
		fault = "a status that the API does not have"
	} else {
		code, fault = checkBody(r, body, want.answer)
	}
	if fault != "" {
		e := newError(ctx, ErrNotAnAnswer, r, r.Request.URL.Host+" sent "+fault)
		e.Code = code
		return e
	}
	noteDate(ctx, r)
	want.servedModel = r.Header.Get("served-model-name")
	return nil
}

// checkBody decodes the body of a response with a success status. If the body does not answer the call, checkBody
// returns what the body is. It repeats nothing of the body except the title of a page and the words of an error,
// because a body may hold a token.
func checkBody(r *http.Response, body []byte, answer Answer) (code, fault string) {
	text := bytes.TrimSpace(body)
	if optional, ok := answer.(*Optional); ok {
		if optional.Shown = len(text) > 0 && !isBare(text); optional.Shown {
			answer = optional.Answer
		} else {
			answer = nil
		}
	}
	form := web.ObjectOrNothing // an empty list may come as {}
	if answer != nil && len(text) == 0 {
		form = web.Object
	}
	if no, ok := errors.AsType[*web.NoAnswer](web.Check(r, text, form)); ok {
		return "", no.Got
	}
	if code, fault := errorInSuccess(text); fault != "" || answer == nil {
		return code, fault
	}
	if fault := tooMany(text, answer); fault != "" {
		return "", fault
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return "", "JSON of another form than the API documents"
	}
	if lack := answer.Lacks(isBare(text)); lack != "" {
		return "", "JSON that does not fit the request: " + lack
	}
	return "", ""
}

// mostObjects and mostValues bound what an answer may hold, so that decoding it takes little memory. A JSON value of
// one byte may take hundreds of bytes when it is decoded.
const (
	mostObjects = 200_000
	mostValues  = 4_000_000
)

// tooMany returns what is wrong with an answer of more values than any workspace has, and an empty string if nothing is
// wrong. It counts braces and commas, including those inside strings. It ignores an answer that is kept as text, such
// as that of a model, because such an answer takes no more memory than its length.
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

// mostListed is the largest number of entries in a list. It is three times as many service principals and users as an
// account can have, and thirty times as many endpoints as a workspace can have. Terraform keeps some kilobytes for each
// entry of a list.
// https://learn.microsoft.com/azure/databricks/resources/limits
const mostListed = 30_000

// Bounded returns an error of the kind [ErrNotAnAnswer] if a list has more entries than any workspace can have. of
// names the entries, such as "tokens".
func Bounded(count int, of string) error {
	if count <= mostListed {
		return nil
	}
	return fmt.Errorf("the workspace lists more than %d %s: %w", mostListed, of, ErrNotAnAnswer)
}

// isBare reports whether a JSON object is {}, apart from white space.
func isBare(object []byte) bool {
	inside, braces := bytes.CutPrefix(object, []byte("{"))
	return braces && string(bytes.TrimSpace(inside)) == "}"
}

// errorInSuccess returns the code and a description of an error that came with a success status. It returns empty
// strings for any other body.
func errorInSuccess(text []byte) (code, fault string) {
	// Search the text first, because decoding a long list twice takes time.
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
		return "", "" // the decoding that follows reports a more precise error
	}
	code = strings.Trim(string(body.Code), `"`)
	switch {
	case code != "" && code != "null":
		return clean(code), "an error with a success status: " + clean(body.Message)
	case len(body.Schemas) == 1 && body.Schemas[0] == scimError:
		return "", "an error with a success status: " + clean(body.Detail)
	}
	return "", ""
}

const scimError = "urn:ietf:params:scim:api:messages:2.0:Error"

// clean prepares the text of a service for a message; see [web.Text].
func clean(text string) string { return web.Text(text, longestText) }

const longestText = 400 // bytes

// ConfirmEmpty returns an error if {} must not be taken for an empty list. A proxy may answer {} to every request, so
// ConfirmEmpty asks the workspace for the current user, and that answer is never {}. One request, shared by all that
// call ConfirmEmpty at the same time.
func (c *Client) ConfirmEmpty(ctx context.Context) error {
	_, err := c.self.GetSince(ctx, time.Now(), c.Me)
	return err
}

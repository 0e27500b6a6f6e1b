package web

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

// Form is the form that the body of a successful answer must have.
type Form int

const (
	// Object is a JSON object with at least one field.
	Object Form = iota
	// ObjectOrNothing is a JSON object, with or without fields, or no body at all.
	ObjectOrNothing
)

// NoAnswer is the error for a response with a success status (2xx) that does not answer the request. It is an HTML
// page, an empty body, or JSON of another form or about another object. The error does not show whether the service
// received the request or did the work.
type NoAnswer struct {
	Method, Host, Path string
	Status             int
	// Got describes the answer, such as "an HTML page with the title “Sign in”".
	Got string
	// Page reports whether the answer was an HTML page.
	Page bool
}

// Check returns a [*NoAnswer] error if the body of a response with a success status does not have the form want. body
// is the whole body, decompressed. response.Request must be set, as an http.Client does. JSON with a wrong content type
// passes, and an HTML page that is labelled as JSON does not.
//
// Check does not know which object the request asked for. The caller must compare that, and reports another object with
// [Mismatch].
func Check(response *http.Response, body []byte, want Form) error {
	got := misfit(response.Header, body, want)
	if got == "" {
		return nil
	}
	e := Mismatch(response, got)
	e.Page = strings.HasPrefix(got, page)
	return e
}

// Mismatch returns the error for JSON that does not answer the request, or that is about another object. got describes
// the JSON, as in "JSON without an id" or "the group 42".
func Mismatch(response *http.Response, got string) *NoAnswer {
	e := &NoAnswer{Status: response.StatusCode, Got: got}
	if r := response.Request; r != nil {
		e.Method, e.Host, e.Path = r.Method, r.URL.Host, cmp.Or(r.URL.Path, "/")
	}
	return e
}

func (e *NoAnswer) Error() string {
	return fmt.Sprintf("%s %s at %s answered with status %d and %s, which does not answer the request",
		e.Method, e.Path, e.Host, e.Status, e.Got)
}

// Cause returns sentences that name the usual cause of the error and what to check.
func (e *NoAnswer) Cause() string {
	return fmt.Sprintf("Usually such an answer does not come from the service itself, but from a proxy or firewall, "+
		"a single sign-on page, a private link, an IP access list, or another host. Check that %s is the right host, "+
		"and check HTTPS_PROXY and NO_PROXY.", e.Host)
}

const page = "an HTML page"

// misfit describes a body that does not have the form want, such as "an HTML page without a title". It returns an empty
// string for a body that has the form.
func misfit(header http.Header, body []byte, want Form) string {
	body = bytes.TrimSpace(body)
	isPage := htmlType(header) || bytes.HasPrefix(body, []byte("<"))
	switch {
	case len(body) == 0 && want == ObjectOrNothing && !isPage:
		return ""
	case len(body) == 0:
		return "an empty body"
	case body[0] == '{' && json.Valid(body):
		if want == ObjectOrNothing || len(bytes.TrimSpace(body[1:len(body)-1])) > 0 {
			return ""
		}
		return "an empty JSON object"
	case json.Valid(body):
		return jsonKind(body[0])
	case isPage:
		if title := pageTitle(body); title != "" {
			return page + " with the title “" + title + "”"
		}
		return page + " without a title"
	case body[0] == '{' || body[0] == '[':
		return "JSON that is damaged or cut off"
	}
	return "text that is not JSON"
}

func htmlType(header http.Header) bool {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && (kind == "text/html" || kind == "application/xhtml+xml")
}

func jsonKind(first byte) string {
	switch first {
	case '[':
		return "a JSON array"
	case '"':
		return "a JSON string"
	case 'n':
		return "JSON null"
	case 't', 'f':
		return "a JSON boolean"
	}
	return "a JSON number"
}

var titleElement = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title`) })

// pageTitle returns the title of an HTML page, prepared by [Text] and at most 100 bytes long. It returns an empty
// string if the first 64 KiB of the page hold no title.
func pageTitle(body []byte) string {
	const head, longest = 64 << 10, 100
	if len(body) > head {
		body = body[:head]
	}
	found := titleElement().FindSubmatch(body)
	if found == nil {
		return ""
	}
	return Text(html.UnescapeString(string(found[1])), longest)
}

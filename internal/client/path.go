package client

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// PathOf returns the path of an object below a fixed root, such as /api/2.0/serving-endpoints. The segments are names
// and ids from a configuration, a state or an answer, so each is escaped. A segment that cannot be a name or an id
// becomes empty, and [Client.Call] does not send a request with an empty segment.
func PathOf(root string, segments ...string) string {
	var path strings.Builder
	path.WriteString(root)
	for _, segment := range segments {
		path.WriteByte('/')
		if isName(segment) {
			path.WriteString(url.PathEscape(segment))
		}
	}
	return path.String()
}

// isName reports whether a segment can be the name or the id of one object. If a service, or a proxy before it,
// unescapes the path twice, a slash or ".." in a segment would make it the path of something else.
func isName(segment string) bool {
	return segment != "" && segment != "." && segment != ".." && !strings.ContainsAny(segment, `/\`) &&
		!strings.ContainsFunc(segment, unicode.IsControl)
}

// errNoName is the error for a path with an empty segment, which would mean the whole collection, or another object.
var errNoName = errors.New("the path of the request lacks a name or an id, so it was not sent")

// checkPath returns an error for a path with a segment that cannot be a name or an id.
func checkPath(method, path string) error {
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if plain, err := url.PathUnescape(segment); err != nil || !isName(plain) {
			return Advise(fmt.Errorf("%s %s: %w", method, path, errNoName), "", "An id or a name of this object is "+
				"empty or malformed, in the state or in the configuration. Correct the configuration. If the state "+
				"is wrong, run terraform state rm <address>, then import the object.")
		}
	}
	return nil
}

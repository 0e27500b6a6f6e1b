package client

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// PathOf is the path of an object below a fixed root, such as /api/2.0/serving-endpoints. The segments are names and
// ids from a configuration, a state or an answer, so each is escaped. One that cannot name anything is left out, and
// [Client.Call] does not send a request with such a gap.
func PathOf(root string, segments ...string) string {
	var path strings.Builder
	path.WriteString(root)
	for _, segment := range segments {
		path.WriteByte('/')
		if names(segment) {
			path.WriteString(url.PathEscape(segment))
		}
	}
	return path.String()
}

// names reports whether a segment can be the name or the id of one object. A service that unescapes a path twice, or a
// proxy before it, would take a slash or a step for the path of something else.
func names(segment string) bool {
	return segment != "" && segment != "." && segment != ".." && !strings.ContainsAny(segment, `/\`) &&
		!strings.ContainsFunc(segment, unicode.IsControl)
}

// errNoName: a path with an empty segment means the whole collection, or another object.
var errNoName = errors.New("the path of the request lacks a name or an id, so it was not sent")

// checkPath refuses a path with a segment that names nothing.
func checkPath(method, path string) error {
	for segment := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if plain, err := url.PathUnescape(segment); err != nil || !names(plain) {
			return Advise(
				fmt.Errorf("%s %s: %w", method, path, errNoName),
				"",
				"The state or the configuration has an empty or malformed id here. If it is the state: terraform "+
					"state rm <address>, then import the object.",
			)
		}
	}
	return nil
}

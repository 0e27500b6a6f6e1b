// Package web has the provider's HTTP clients. One rule decides what counts as an answer of a service, and one function
// prepares foreign text for a message. It knows neither Azure, nor Databricks, nor Terraform.
package web

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Text prepares the text of a server for a message. It replaces the secrets that were passed to [Conceal].
// White space, line ends too, becomes one space. Whatever does not print, such as an escape sequence for a terminal, is
// written as a Go escape. What is longer than limit bytes is cut off.
func Text(s string, limit int) string {
	var b strings.Builder
	// More than this never fits, so that an answer of megabytes costs no more than a short one.
	s = known.hide(s, 4*(limit+1), shortestSecret)
	space := false
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		piece := s[:size]
		s = s[size:]
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case r == utf8.RuneError && size == 1:
			piece = string(utf8.RuneError)
		case !unicode.IsPrint(r):
			piece = strings.Trim(strconv.QuoteRuneToASCII(r), "'")
		}
		if space {
			piece, space = " "+piece, false
		}
		if b.Len()+len(piece) > limit {
			return b.String() + "…"
		}
		b.WriteString(piece)
	}
	return b.String()
}

// Shown is the last step of every message to the user: it replaces long secrets that were passed to [Conceal], and
// writes characters that do not print as Go escapes, except for line ends and tabs.
func Shown(s string) string {
	s = known.hide(s, len(s), surelySecret)
	plain := func(r rune) bool { return unicode.IsPrint(r) || r == '\n' || r == '\t' || r == '\u00a0' }
	if !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s { // a byte that is no UTF-8 comes as U+FFFD
		if plain(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

// RetryAfter reads the header of that name, in seconds or as a date (RFC 9110 section 10.2.3). It is at most a day.
func RetryAfter(h http.Header) (pause time.Duration, ok bool) {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 24*60*60)) * time.Second, true
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	now := time.Now()
	// A service's clock may be another than this machine's.
	if served, err := http.ParseTime(h.Get("Date")); err == nil {
		now = served
	}
	return min(max(date.Sub(now), 0), 24*time.Hour), true
}

// Log returns a writer for Go's own logger, which passes each record through [Shown] to next: net/http logs there, and
// nowhere else, what a server sent after its answer.
func Log(next io.Writer) io.Writer { return shownLog{next} }

type shownLog struct{ next io.Writer }

func (l shownLog) Write(record []byte) (int, error) {
	if _, err := io.WriteString(l.next, Shown(string(record))); err != nil {
		return 0, err
	}
	return len(record), nil
}

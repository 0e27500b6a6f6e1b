// Package web provides the provider's HTTP clients. [Check] decides what counts as an answer of a service, and [Text]
// prepares the text of a server for a message. The package knows nothing of Azure, Databricks or Terraform.
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

// Text prepares the text of a server for a message. It replaces the secrets that were registered with [Conceal]. It
// replaces each run of white space, including line ends, by one space. It writes unprintable characters, such as those
// that control a terminal, as Go escapes. It cuts the text off after limit bytes.
func Text(s string, limit int) string {
	var b strings.Builder
	// More bytes than this never fit into limit, so an answer of megabytes costs no more time than a short one.
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

// Shown prepares a message for the user, as the last step before the message is shown. It replaces secrets of at least
// 16 bytes that were registered with [Conceal]. It writes unprintable characters as Go escapes, except for line ends
// and tabs.
func Shown(s string) string {
	s = known.hide(s, len(s), surelySecret)
	plain := func(r rune) bool { return unicode.IsPrint(r) || r == '\n' || r == '\t' || r == '\u00a0' }
	if !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	var b strings.Builder
	for _, r := range s { // a byte that is not UTF-8 arrives as U+FFFD
		if plain(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

// RetryAfter returns the pause that the Retry-After header asks for, in seconds or as a date (RFC 9110, section
// 10.2.3). The pause is at most a day. ok is false if the header is missing or malformed.
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
	// The clocks of service and machine may differ, so the date is compared with the answer's own Date header.
	if served, err := http.ParseTime(h.Get("Date")); err == nil {
		now = served
	}
	return min(max(date.Sub(now), 0), 24*time.Hour), true
}

// Log returns a writer for Go's standard logger. The writer passes each record through [Shown] and writes it to next.
// When a server sends something after its answer, net/http reports it to this logger and nowhere else.
func Log(next io.Writer) io.Writer { return shownLog{next} }

type shownLog struct{ next io.Writer }

func (l shownLog) Write(record []byte) (int, error) {
	if _, err := io.WriteString(l.next, Shown(string(record))); err != nil {
		return 0, err
	}
	return len(record), nil
}

package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func answerOf(contentType string) *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {contentType}}, Request: &http.Request{
		Method: "GET", URL: &url.URL{Scheme: "https", Host: "adb-1.2.azuredatabricks.net", Path: "/api/2.0/token/list",
			RawQuery: "q=secret"},
	}}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	const (
		plain = "application/json; charset=utf-8"
		web   = "text/html"
	)
	for _, tc := range []struct {
		contentType, body string
		object, nothing   string // what Check says for each form; "" if it accepts the answer
	}{
		{plain, `{"a":1}`, "", ""},
		{"", " \r\n{\"a\":{}}\n", "", ""},
		{web, `{"a":1}`, "", ""}, // JSON with a wrong label
		{plain, `{}`, "an empty JSON object", ""},
		{plain, `{ }`, "an empty JSON object", ""},
		{plain, ``, "an empty body", ""},
		{"", " \n", "an empty body", ""},
		{web, ``, "an empty body", "an empty body"}, // a blank page
		{plain, `null`, "JSON null", "JSON null"},
		{plain, `[]`, "a JSON array", "a JSON array"},
		{plain, `"x"`, "a JSON string", "a JSON string"},
		{plain, `true`, "a JSON boolean", "a JSON boolean"},
		{plain, `-3`, "a JSON number", "a JSON number"},
		{plain, `{"a":`, "JSON that is damaged or cut off", "JSON that is damaged or cut off"},
		{plain, `{"a":1}{"b":2}`, "JSON that is damaged or cut off", "JSON that is damaged or cut off"},
		{"text/plain", `ok`, "text that is not JSON", "text that is not JSON"},
		{web, `<html></html>`, "an HTML page without a title", "an HTML page without a title"},
		{plain, `<!doctype html><html></html>`, "an HTML page without a title", "an HTML page without a title"},
		{web, "<title lang=en>\n  Sign in &amp; \x1b[31mgo\u202e </title>", `an HTML page with the title “Sign in & \x1b[31mgo\u202e”`, `an HTML page with the title “Sign in & \x1b[31mgo\u202e”`},
	} {
		for want, said := range map[Form]string{Object: tc.object, ObjectOrNothing: tc.nothing} {
			err := Check(answerOf(tc.contentType), []byte(tc.body), want)
			no, failed := errors.AsType[*NoAnswer](err)
			if failed != (said != "") || failed && no.Got != said {
				t.Errorf("%s %q as form %d: %v, want %q", tc.contentType, tc.body, want, err, said)
				continue
			}
			if !failed {
				continue
			}
			for _, part := range []string{"GET /api/2.0/token/list", "adb-1.2.azuredatabricks.net", "200", said} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q lacks %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "secret") || no.Page != strings.HasPrefix(said, "an HTML page") {
				t.Errorf("%+v", no)
			}
		}
	}
}

func TestLongTitleIsCut(t *testing.T) {
	t.Parallel()
	err := Check(answerOf("text/html"), []byte("<title>"+strings.Repeat("ä \n", 1<<20)+"</title>"), Object)
	if err == nil || strings.Contains(err.Error(), "ä") {
		t.Errorf("a title that does not end was quoted: %v", err)
	}
	err = Check(answerOf("text/html"), []byte("<title>"+strings.Repeat("ä \n", 1000)+"</title>"), Object)
	if err == nil || len(err.Error()) > 400 || !strings.Contains(err.Error(), "ä ä") ||
		!strings.Contains(err.Error(), "…") {
		t.Errorf("%v", err)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                      "",
		"  a\r\n\tb  ":          "a b",
		"\x1b]0;x\x07y":         `\x1b]0;x\ay`,
		"a\xffb":                "a�b",
		"zero\u200bwidth":       `zero\u200bwidth`,
		"it's \"quoted\"":       `it's "quoted"`,
		strings.Repeat("x", 30): strings.Repeat("x", 20) + "…",
		strings.Repeat("€", 30): strings.Repeat("€", 6) + "…",
	} {
		if got := Text(in, 20); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	date := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"7": 7 * time.Second, "0": 0, "99999999999999": 24 * time.Hour, date.Add(time.Minute).Format(http.TimeFormat): time.Minute,
		date.Add(-time.Minute).Format(http.TimeFormat): 0, date.AddDate(1, 0,
			0).Format(http.TimeFormat): 24 * time.Hour,
	} {
		if got, ok := RetryAfter(http.Header{"Retry-After": {value},
			"Date": {date.Format(http.TimeFormat)}}); got != want || !ok {
			t.Errorf("%s: %s, %t", value, got, ok)
		}
	}
	for _, value := range []string{"", "-1", "soon"} {
		if got, ok := RetryAfter(http.Header{"Retry-After": {value}}); got != 0 || ok {
			t.Errorf("%q: %s, %t", value, got, ok)
		}
	}
}

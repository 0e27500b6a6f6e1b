package web

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// unlike is a secret with every character that some spelling writes in another way.
const unlike = `S3cret/+&"<>~ ä=%\value-of-TestTextHides`

func TestTextHidesSecretsInEverySpelling(t *testing.T) {
	t.Parallel()
	Conceal("  "+unlike+"\n", "", "short")
	quoted, err := json.Marshal(unlike)
	if err != nil {
		t.Fatal(err)
	}
	basic := func(user string) string { return base64.StdEncoding.EncodeToString([]byte(user + ":" + unlike)) }
	for name, spelled := range map[string]string{
		"as it is": unlike, "JSON": strings.Trim(string(quoted), `"`), "JSON of PHP": strings.ReplaceAll(strings.Trim(string(quoted), `"`), "/", `\/`),
		"HTML": html.EscapeString(unlike), "form": url.QueryEscape(unlike), "path": url.PathEscape(unlike), "lower-case form": lowerPercent(url.QueryEscape(unlike)),
		"Basic": basic("a"), "Basic, shifted by one": basic("ab"), "Basic, shifted by two": basic("abc"), "cut off": unlike[:20],
	} {
		for _, got := range []string{Text("before "+spelled+" after", 500), Shown("before " + spelled + " after")} {
			if !strings.Contains(got, "before ") || !strings.Contains(got, " after") ||
				!strings.Contains(got, "(hidden)") {
				t.Errorf("%s: %s", name, got)
			}
			if left := longestCommon(got, spelled); left > 6 { // the ends of base64 depend on neighbouring bytes
				t.Errorf("%s: %d bytes of it are left in %s", name, left, got)
			}
		}
	}
	if got := Text("short before", 100); got != "short before" {
		t.Errorf("a short value was hidden: %s", got)
	}
}

// TestTextHidesBeforeItCuts checks that Text hides a secret that its limit cuts off, and a secret that moves to the
// front because Text drops the white space before it.
func TestTextHidesBeforeItCuts(t *testing.T) {
	t.Parallel()
	const secret = "secret-of-TestTextHidesBeforeItCuts-0123456789"
	Conceal(secret)
	for before := range 1700 {
		if got := Text(strings.Repeat(" ", before)+secret, 400); strings.Contains(got, "secret") {
			t.Fatalf("after %d spaces: %s", before, got)
		}
		if got := Text(strings.Repeat("x", before)+secret+secret, 400); strings.Contains(got, "secret") {
			t.Fatalf("after %d letters: %s", before, got)
		}
	}
}

func TestKeyInPEMIsHiddenLineByLine(t *testing.T) {
	t.Parallel()
	Conceal("-----BEGIN PRIVATE KEY-----\r\nTestKeyInPEMline1AAAA\r\nTestKeyInPEMline2BBBB\r\n-----END PRIVATE " +
		"KEY-----\r\n")
	if got := Text("-----BEGIN PRIVATE KEY----- TestKeyInPEMline1AAAA\nTestKeyInPEMline2BBBB",
		300); got != "-----BEGIN PRIVATE KEY----- (hidden) (hidden)" {
		t.Error(got)
	}
}

func TestShownKeepsLineBreaks(t *testing.T) {
	t.Parallel()
	Conceal("password12")
	if got := Shown("a\n\tpassword12 \x1b[2J\u202e\xff"); got != "a\n\tpassword12 \\x1b[2J\\u202e\ufffd" {
		t.Errorf("%q", got)
	}
}

func TestClientConcealsCredentialsOfRequestsAndAnswers(t *testing.T) {
	t.Parallel()
	client := NewClient(answers(
		`{"access_token":"received-of-TestGuardNotes","value":"a-name-in-a-vault-TestGuard"}`), 0)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://host.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("user", "password-of-TestGuardNotes")
	r.Header.Set("X-Databricks-Azure-SP-Management-Token", "management-of-TestGuardNotes")
	r.Header.Set("X-Identity-Header", "identity-of-TestGuardNotes")
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	ConcealForm("client_id=app&client_secret=form-of%2BTestGuardNotes&client_assertion=assertion-of-TestGuardNotes")
	for _, secret := range []string{
		"received-of-TestGuardNotes", "password-of-TestGuardNotes", "management-of-TestGuardNotes",
		"identity-of-TestGuardNotes",
		strings.TrimPrefix(r.Header.Get("Authorization"),
			"Basic "), "form-of+TestGuardNotes", "assertion-of-TestGuardNotes",
	} {
		if got := Text(secret, 100); got != "(hidden)" {
			t.Errorf("%s is not noted: %s", secret, got)
		}
	}
	if got := Text("a-name-in-a-vault-TestGuard", 100); got == "(hidden)" {
		t.Error("what may be a name is hidden")
	}
}

type answers string

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(string(a))), Request: r}, nil
}

// TestSecretsAreBounded checks that the oldest of very many secrets are forgotten, and that a secret in use is kept.
func TestSecretsAreBounded(t *testing.T) {
	t.Parallel()
	var s secrets
	s.add("the-one-in-use")
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 1500 {
				s.add(fmt.Sprintf("%d-%d-%s", worker, i, strings.Repeat("x", 4000)))
				s.add("the-one-in-use")
				if got := s.hide("so the-one-in-use", 100, shortestSecret); got != "so (hidden)" {
					t.Errorf("%s", got)
				}
			}
		})
	}
	all.Wait()
	held := 0
	for start, forms := range s.starts {
		for _, form := range forms {
			held += len(form)
		}
		if len(forms) == 0 {
			t.Errorf("nothing left of %s", start)
		}
	}
	if s.size != held || held > mostSecrets || s.recent.Len() != len(s.byName) || s.recent.Len() < 1000 {
		t.Errorf("%d bytes counted, %d held, %d secrets", s.size, held, s.recent.Len())
	}
}

func longestCommon(text, secret string) int {
	longest := 0
	for i := range secret {
		for n := longest + 1; i+n <= len(secret) && strings.Contains(text, secret[i:i+n]); n++ {
			longest = n
		}
	}
	return longest
}

func BenchmarkText(b *testing.B) {
	var s secrets
	for i := range 3000 {
		s.add(fmt.Sprintf("eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9%d%s", i, strings.Repeat("x", 1000)))
	}
	text := strings.Repeat("some words of a service ", 100)
	for b.Loop() {
		s.hide(text, 1600, shortestSecret)
	}
}

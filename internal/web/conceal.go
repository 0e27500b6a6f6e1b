package web

import (
	"container/list"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

const (
	// shortestSecret is the least that is hidden. Shorter values are parts of ordinary words, and hiding those would
	// make a text unreadable.
	shortestSecret = 8
	// surelySecret is a length at which no text contains a secret by chance. Of a secret that a service cut off, this
	// much is hidden; and only secrets of this length are looked for in the provider's own sentences, which may contain
	// a shorter one as a word.
	surelySecret = 16
	// mostSecrets bounds the memory for secrets with all their spellings, in bytes. It holds several thousand access
	// tokens.
	mostSecrets = 16 << 20
	// longestEncoded is the length up to which a secret is also looked for in base64, as Basic authentication sends it.
	longestEncoded = 512
)

const hidden = "(hidden)"

// known holds the secrets that this process has sent, received or read. They belong to the process and not to one
// configuration, because a service may repeat in one answer what another provider block sent to it.
var known secrets

// Conceal registers secrets, so that [Text] and [Shown] never repeat them, in any of the spellings below. Every
// function that reads or receives a secret calls it. White space around a secret does not count. Blank and short values
// are ignored. When there are very many, those that were noted longest ago are forgotten.
func Conceal(values ...string) {
	for _, value := range values {
		known.add(strings.TrimSpace(value))
	}
}

type secrets struct {
	mu     sync.RWMutex
	size   int
	byName map[string]*list.Element // by the secret itself
	recent list.List                // of *secret, the one noted last in front
	// starts are the spellings by their first bytes, so that a text is searched in one pass however many there are.
	starts map[string][]string
}

type secret struct {
	value string
	forms []string
}

func (s *secrets) add(value string) {
	if len(value) < shortestSecret {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if noted, ok := s.byName[value]; ok {
		s.recent.MoveToFront(noted)
		return
	}
	if s.byName == nil {
		s.byName, s.starts = map[string]*list.Element{}, map[string][]string{}
	}
	added := &secret{value, spellings(value)}
	for _, form := range added.forms {
		start := form[:shortestSecret]
		s.starts[start] = append(s.starts[start], form)
		s.size += len(form)
	}
	s.byName[value] = s.recent.PushFront(added)
	for s.size > mostSecrets && s.recent.Len() > 1 {
		s.forget(s.recent.Back())
	}
}

func (s *secrets) forget(oldest *list.Element) {
	old := s.recent.Remove(oldest).(*secret)
	delete(s.byName, old.value)
	for _, form := range old.forms {
		start := form[:shortestSecret]
		left := s.starts[start]
		for i, other := range left {
			if other == form {
				left = append(left[:i:i], left[i+1:]...)
				break
			}
		}
		if s.starts[start] = left; len(left) == 0 {
			delete(s.starts, start)
		}
		s.size -= len(form)
	}
}

// spellings are how a secret may come back in a text: as it is, as a JSON string, in HTML, in a form or a path, and
// inside base64. Of one with several lines, such as a key in PEM, each line by itself.
func spellings(value string) []string {
	seen := map[string]bool{}
	var forms []string
	note := func(form string) {
		if len(form) >= shortestSecret && !seen[form] {
			seen[form] = true
			forms = append(forms, form)
		}
	}
	lines := strings.FieldsFunc(value, func(r rune) bool { return r == '\r' || r == '\n' })
	for _, line := range lines {
		if line = strings.TrimSpace(line); len(lines) > 1 && strings.HasPrefix(line, "-----") {
			continue // the frame of a key in PEM
		}
		note(line)
		if quoted, err := json.Marshal(line); err == nil {
			text := strings.Trim(string(quoted), `"`)
			note(text)
			note(strings.ReplaceAll(text, "/", `\/`))
		}
		note(html.EscapeString(line))
		for _, escaped := range []string{url.QueryEscape(line), url.PathEscape(line)} {
			note(escaped)
			note(lowerPercent(escaped))
		}
	}
	if len(value) <= longestEncoded {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for before := range 3 {
				note(inBase64(encoding, value, before))
			}
		}
	}
	return forms
}

// lowerPercent writes %2F as %2f.
func lowerPercent(escaped string) string {
	b := []byte(escaped)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(escaped[i+1:i+3]))
		}
	}
	return string(b)
}

// inBase64 are the characters that a value makes in the base64 of a longer text, where before is the number of bytes in
// front of it, modulo 3. Those at either end that depend on its neighbours are left out.
func inBase64(encoding *base64.Encoding, value string, before int) string {
	text := encoding.EncodeToString(append(make([]byte, before), value...))
	first := (before*8 + 5) / 6
	last := (before + len(value)) * 8 / 6
	return text[first:last]
}

// hide replaces the secrets in what begins within the first limit bytes of a text, and drops the rest. shortest is the
// length of the secrets to look for.
func (s *secrets) hide(text string, limit, shortest int) string {
	limit = min(limit, len(text))
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.starts) == 0 {
		return text[:limit]
	}
	var b strings.Builder
	kept := 0 // text before this position is written
	for i := 0; i+shortestSecret <= len(text) && i < limit; {
		length := s.at(text[i:], shortest)
		if length == 0 {
			i++
			continue
		}
		b.WriteString(text[kept:i])
		b.WriteString(hidden)
		i += length
		kept = i
	}
	if kept == 0 {
		return text[:limit]
	}
	b.WriteString(text[min(kept, limit):limit])
	return b.String()
}

// at returns the length of the secret that a text begins with; 0 for none.
func (s *secrets) at(text string, shortest int) int {
	longest := 0
	for _, form := range s.starts[text[:shortestSecret]] {
		n := 0
		for n < len(form) && n < len(text) && form[n] == text[n] {
			n++
		}
		if len(form) >= shortest && (n == len(form) || n >= surelySecret) {
			longest = max(longest, n)
		}
	}
	return longest
}

// credentialHeaders are the headers in which this process sends credentials.
var credentialHeaders = []string{
	"Authorization",
	"X-Identity-Header",
	"Secret",
	"X-Databricks-Azure-Sp-Management-Token",
}

// concealSent notes the credentials in the headers of a request.
func concealSent(h http.Header) {
	for _, name := range credentialHeaders {
		for _, value := range h[name] {
			if scheme, credential, ok := strings.Cut(value, " "); ok {
				value = credential
				if strings.EqualFold(scheme, "Basic") {
					if plain, err := base64.StdEncoding.DecodeString(credential); err == nil {
						_, password, _ := strings.Cut(string(plain), ":")
						Conceal(password)
					}
				}
			}
			Conceal(value)
		}
	}
}

// receivedSecrets are the members of a JSON object in which services give out what opens something.
type receivedSecrets struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	OIDCToken    string `json:"oidcToken"`
}

// concealReceived notes the tokens in the body of an answer. The value of a secret in a vault is not among them: only
// the caller knows whether it is a credential or a name.
func concealReceived(body []byte) {
	var got receivedSecrets
	_ = json.Unmarshal(body, &got) // what has another form is none of these, and the caller says so
	Conceal(got.AccessToken, got.RefreshToken, got.IDToken, got.OIDCToken)
}

// ConcealForm notes the credentials in the body of a request for a token, which is a form.
func ConcealForm(form string) {
	values, _ := url.ParseQuery(form) // what can be read of it is noted all the same
	for _, name := range []string{"client_secret", "client_assertion", "assertion", "subject_token", "refresh_token", "password", "code"} {
		Conceal(values[name]...)
	}
}

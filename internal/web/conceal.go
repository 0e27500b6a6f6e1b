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
	// shortestSecret is the length in bytes of the shortest value that is hidden. Shorter values occur inside ordinary
	// words, and hiding those would make a text unreadable.
	shortestSecret = 8
	// surelySecret is a length in bytes at which a match with a secret cannot be chance. If a service cuts a secret
	// off, a beginning of at least this length is still hidden. The provider's own sentences are searched only for
	// secrets of at least this length, because a shorter secret may be an ordinary word in them.
	surelySecret = 16
	// mostSecrets bounds the total size in bytes of all registered secrets with all their spellings. It holds several
	// thousand access tokens.
	mostSecrets = 16 << 20
	// longestEncoded is the length in bytes up to which a secret is also searched for in base64, as Basic
	// authentication sends it.
	longestEncoded = 512
)

const hidden = "(hidden)"

// known holds the secrets that this process has sent, received or read. It belongs to the process and not to one
// configuration, because a service may repeat in one answer what another provider block sent to it.
var known secrets

// Conceal registers secrets, so that [Text] and [Shown] replace each of their spellings; see [spellings]. Every
// function that reads or receives a secret calls Conceal. White space around a value does not count. Values of fewer
// than 8 bytes are ignored. When the secrets with their spellings take more than 16 MiB, those that were registered
// longest ago are forgotten.
func Conceal(values ...string) {
	for _, value := range values {
		known.add(strings.TrimSpace(value))
	}
}

type secrets struct {
	mu     sync.RWMutex
	size   int
	byName map[string]*list.Element // by the secret's value
	recent list.List                // of *secret; the one that was registered last is in front
	// starts maps the first bytes of a spelling to all spellings that begin with them. With it, one pass over a text
	// finds every secret.
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

// spellings returns the forms in which a secret may appear in a text: unchanged, as a JSON string, in HTML, in a
// URL-encoded form or path, and inside base64. Each line of a secret with several lines, such as a key in PEM, has its
// own forms.
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
			continue // the first or last line of a key in PEM
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

// lowerPercent returns a URL-encoded text with its escapes in lower case, such as %2f for %2F.
func lowerPercent(escaped string) string {
	b := []byte(escaped)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:i+3], strings.ToLower(escaped[i+1:i+3]))
		}
	}
	return string(b)
}

// inBase64 returns the characters that value yields inside the base64 of a longer text. before is the number of bytes
// in front of value, modulo 3. Characters at either end that also depend on neighbouring bytes are left out.
func inBase64(encoding *base64.Encoding, value string, before int) string {
	text := encoding.EncodeToString(append(make([]byte, before), value...))
	first := (before*8 + 5) / 6
	last := (before + len(value)) * 8 / 6
	return text[first:last]
}

// hide returns the first limit bytes of text, with each registered secret in them replaced. A secret that begins within
// these bytes is replaced even if it ends after them. shortest is the length in bytes of the shortest spelling to
// search for.
func (s *secrets) hide(text string, limit, shortest int) string {
	limit = min(limit, len(text))
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.starts) == 0 {
		return text[:limit]
	}
	var b strings.Builder
	kept := 0 // text before this position is already in b
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

// at returns the length of the secret at the start of text, or 0 if text does not start with a secret. Spellings of
// fewer than shortest bytes are ignored. The beginning of a secret counts too, if it has at least surelySecret bytes.
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

// credentialHeaders lists the request headers in which this process sends credentials.
var credentialHeaders = []string{
	"Authorization", "X-Identity-Header", "Secret", "X-Databricks-Azure-Sp-Management-Token",
}

// concealSent registers the credentials in the headers of a request; see [Conceal].
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

// receivedSecrets has the JSON members in which services return tokens.
type receivedSecrets struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	IDToken      string `json:"id_token"`
	OIDCToken    string `json:"oidcToken"`
}

// concealReceived registers the tokens in the body of an answer; see [Conceal]. It does not register the value of a Key
// Vault secret: only the caller knows whether that value is a credential or a name.
func concealReceived(body []byte) {
	var got receivedSecrets
	_ = json.Unmarshal(body, &got) // an error is ignored here: the caller checks the form of the body
	Conceal(got.AccessToken, got.RefreshToken, got.IDToken, got.OIDCToken)
}

// ConcealForm registers the credentials in the body of a token request, which is a URL-encoded form; see [Conceal].
func ConcealForm(form string) {
	values, _ := url.ParseQuery(form) // after an error, values holds what could be parsed
	for _, name := range []string{
		"client_secret", "client_assertion", "assertion", "subject_token", "refresh_token", "password", "code",
	} {
		Conceal(values[name]...)
	}
}

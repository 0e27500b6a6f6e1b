package provider_test

import (
	"archive/zip"
	"bytes"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// canary knows every secret of one story: those that the world begins with, and those in requests and answers. Then it
// searches everything that a run wrote for each secret in any spelling.
type canary struct {
	mu      sync.Mutex
	secrets map[string]string // value → description
	public  map[string]bool   // such as a client id in a vault, or the thumbprint in a PFX
	// echo selects the requests that get themselves as the answer; nil for none.
	echo   func(r *http.Request, body string) bool
	echoed int
}

// mayHold lists the attributes that are documented to hold a secret.
var mayHold = map[string][]string{
	"dbxaccess_service_principal_token":        {"token_value"},
	"dbxaccess_service_principal_oauth_secret": {"secret_value"},
	"dbxaccess_serving_endpoint_query":         {"token", "client_secret"},
}

// watch lets the provider of a world connect through a proxy that shows the canary each secret.
func watch(t *testing.T, w *acctest.World) *canary {
	t.Helper()
	c := &canary{secrets: map[string]string{}, public: map[string]bool{}}
	c.public[w.Tenant.ID], c.public[w.Deployer.ClientID], c.public[w.ScoringApp.ClientID] = true, true, true
	c.secret("the PFX's password", acctest.Password)
	c.secret("the deployer's secret", w.DeployerSecret)
	c.secret("the application's secret", w.ScoringSecret)
	c.secret("a person's token", w.PersonToken)
	c.key("the deployer's key", w.DeployerKey)
	pfx, err := os.ReadFile(w.Env["ARM_CLIENT_CERTIFICATE_PATH"])
	if err != nil {
		t.Fatal(err)
	}
	c.secret("the PFX", string(pfx))
	thumbprint := sha1.Sum(w.DeployerCertificate.Raw)
	c.public[strings.ToUpper(hex.EncodeToString(thumbprint[:]))] = true
	w.Proxied()
	proxy := w.Tenant.Proxy(nil)
	proxy.Watch = c.watch
	server := httptest.NewServer(proxy)
	t.Cleanup(func() {
		server.Close()
		_ = proxy.Close()
	})
	w.Env["HTTPS_PROXY"], w.Env["HTTP_PROXY"] = server.URL, server.URL
	return c
}

func (c *canary) secret(what, value string) {
	value = strings.TrimSpace(value)
	if parts := strings.Split(value, "."); len(parts) == 3 && strings.HasPrefix(value, "eyJ") {
		value = parts[2] // a JWT is useless without its signature, and its claims are no secret
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(value) >= gram && !c.public[value] {
		c.secrets[value] = what
	}
}

func (c *canary) key(what string, key *rsa.PrivateKey) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	c.secret(what+" in DER", string(der[64:])) // the bytes before are the same in every key of that size
	for i, line := range strings.Split(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "\n") {
		if i > 1 && !strings.HasPrefix(line, "-") {
			c.secret(what+" in PEM", line)
		}
	}
}

// watch records the secrets of requests and answers. If the story asks for that, a request gets itself as the answer.
func (c *canary) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		c.sent(r, body)
		if c.echoes(r, string(body)) {
			answerWithRequest(rw, r, body)
			return
		}
		answer := &copied{ResponseWriter: rw}
		next.ServeHTTP(answer, r)
		c.received(r, answer.body.Bytes())
	})
}

func (c *canary) echoes(r *http.Request, body string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.echo == nil || !c.echo(r, body) {
		return false
	}
	c.echoed++
	return true
}

func (c *canary) sent(r *http.Request, body []byte) {
	for _, name := range []string{
		"Authorization", "X-Identity-Header", "Secret", "X-Databricks-Azure-Sp-Management-Token",
	} {
		for _, value := range r.Header[name] {
			if scheme, credential, ok := strings.Cut(value, " "); ok {
				value = credential
				if scheme == "Basic" { // the other half is an id
					_, value, _ = r.BasicAuth()
				}
			}
			c.secret(name+" of "+r.Host, value)
		}
	}
	form, _ := url.ParseQuery(string(body)) // the parts that can be parsed count
	for _, name := range []string{"client_secret", "client_assertion", "assertion", "subject_token"} {
		c.secret(name+" of "+r.Host, form.Get(name))
	}
	var stored struct{ Value string }
	if json.Unmarshal(body, &stored) == nil && r.Method == http.MethodPut {
		c.secret("a value for "+r.Host, stored.Value)
	}
}

func (c *canary) received(r *http.Request, body []byte) {
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return
	}
	for _, name := range []string{
		"access_token", "id_token", "refresh_token", "token_value", "secret", "oidcToken", "value",
	} {
		if value, ok := answer[name].(string); ok {
			c.secret(name+" from "+r.Host, value)
		}
	}
}

type copied struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (c *copied) Write(b []byte) (int, error) {
	c.body.Write(b)
	return c.ResponseWriter.Write(b)
}

func (c *copied) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// answerWithRequest returns the request as the message of an error, as a debugging proxy does.
func answerWithRequest(rw http.ResponseWriter, r *http.Request, body []byte) {
	var headers bytes.Buffer
	_ = r.Header.Write(&headers)
	text := r.Method + " " + r.URL.String() + "\n" + headers.String() + "\n" + string(body)
	refusal, _ := json.Marshal(map[string]any{
		"error_code": "BAD_REQUEST", "message": text, "detail": text, "error": "invalid_request", "error_description": text,
	})
	if strings.Contains(r.Host, ".vault.") {
		refusal, _ = json.Marshal(map[string]any{"error": map[string]string{"code": "BadParameter", "message": text}})
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(http.StatusBadRequest)
	_, _ = rw.Write(refusal)
}

// gram is how many consecutive bytes of a secret count as a leak.
const gram = 16

// spellings returns the pieces of every secret in every form that is searched for.
func (c *canary) spellings() map[string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	pieces := map[string]string{}
	for value, what := range c.secrets {
		for form, text := range forms(value) {
			for i := 0; i+gram <= len(text); i++ {
				pieces[text[i:i+gram]] = what + ", " + form
			}
		}
	}
	for value := range c.public { // a PFX contains public values of its certificate
		for i := 0; i+gram <= len(value); i++ {
			delete(pieces, value[i:i+gram])
		}
	}
	return pieces
}

// forms returns the spellings of one secret. The base64 forms leave out the bytes that depend on adjacent text, such as
// the id in Basic authentication.
func forms(value string) map[string]string {
	all := map[string]string{
		"plain": value, "URL-escaped": url.QueryEscape(value), "escaped as a path": url.PathEscape(value),
		"hex": hex.EncodeToString([]byte(value)), "upper-case hex": strings.ToUpper(hex.EncodeToString([]byte(value))),
	}
	quoted, _ := json.Marshal(value)
	all["JSON"] = strings.Trim(string(quoted), `"`)
	for before, form := range []string{"base64", "base64 behind one byte", "base64 behind two bytes"} {
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), value...))
		text = text[(before*8+5)/6 : (before+len(value))*8/6]
		all[form], all["URL-safe "+form] = text, strings.NewReplacer("+", "-", "/", "_").Replace(text)
	}
	return all
}

// find returns the secrets that a text contains.
func find(pieces map[string]string, text string) (found []string) {
	for i := 0; i+gram <= len(text); i++ {
		if what, ok := pieces[text[i:i+gram]]; ok {
			found = append(found, what+" behind …"+text[max(0, i-200):i])
			i += 4 * gram
		}
	}
	return found
}

// mustNotBeFound fails for each secret in the shown texts, or in a file below a folder, outside of the documented
// attributes. Outputs are the user's own copies and count as documented.
func (c *canary) mustNotBeFound(t *testing.T, shown map[string]string, folder string) {
	t.Helper()
	pieces := c.spellings()
	seen := 0
	look := func(where, text string) {
		seen += len(text)
		for _, found := range find(pieces, text) {
			t.Errorf("%s holds %s", where, found)
		}
	}
	for command, text := range shown {
		look("the output of "+command, string(strip([]byte(text), map[string]bool{})))
	}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		for name, text := range unpack(t, entry.Name(), content) {
			look(name, string(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d secrets, %d pieces, looked for in %d kB", len(c.secrets), len(pieces), seen>>10)
	if len(c.secrets) < 10 || seen < 100<<10 {
		t.Error("that proves nothing")
	}
}

// unpack returns the text of a file, or of the files in an archive, without the values of documented attributes.
func unpack(t *testing.T, name string, content []byte) map[string][]byte {
	t.Helper()
	files := map[string][]byte{name: content}
	if archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content))); err == nil {
		files = map[string][]byte{}
		for _, file := range archive.File {
			r, err := file.Open()
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			files[name+"/"+file.Name] = text
		}
	}
	values := map[string]bool{}
	for name, text := range files {
		files[name] = strip(text, values)
	}
	// A plan file is not JSON. It may contain the values that its states hold in documented attributes.
	if plan, ok := files[name+"/tfplan"]; ok {
		for value := range values {
			plan = bytes.ReplaceAll(plan, []byte(value), nil)
		}
		files[name+"/tfplan"] = plan
	}
	return files
}

// strip removes the values of documented attributes and outputs from JSON, and collects them. Other text stays as it
// is.
func strip(text []byte, values map[string]bool) []byte {
	var document any
	if json.Unmarshal(text, &document) != nil {
		return text
	}
	stripped, err := json.Marshal(without(document, "", values))
	if err != nil {
		panic(err)
	}
	return stripped
}

func without(node any, ofType string, values map[string]bool) any {
	switch n := node.(type) {
	case []any:
		for i := range n {
			n[i] = without(n[i], ofType, values)
		}
	case map[string]any:
		if named, ok := n["type"].(string); ok && mayHold[named] != nil {
			ofType = named
		}
		for _, name := range append([]string{"outputs", "output_changes"}, mayHold[ofType]...) {
			collect(n[name], values)
			delete(n, name)
		}
		for name := range n {
			n[name] = without(n[name], ofType, values)
		}
	}
	return node
}

func collect(node any, values map[string]bool) {
	switch n := node.(type) {
	case string:
		if len(n) >= gram {
			values[n] = true
		}
	case []any:
		for _, member := range n {
			collect(member, values)
		}
	case map[string]any:
		for _, member := range n {
			collect(member, values)
		}
	}
}

// A search that finds nothing proves nothing: the canary finds each spelling, and ignores documented attributes.
func TestCanary(t *testing.T) {
	t.Parallel()
	const value = `dapi/5f3a9c+7e1b2d4860&a1c3"e5f7<092b`
	c := &canary{secrets: map[string]string{}}
	c.secret("the token", value)
	pieces := c.spellings()
	quoted, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{
		"half of it": value[3:30], "JSON": string(quoted), "URL": "?x=" + url.QueryEscape(value),
		"hex": hex.EncodeToString([]byte(value)),
	}
	for _, id := range []string{"a", "ab", "abc", "00000000-0000-4000-8000-000000000000"} {
		texts["Basic of "+id] = base64.StdEncoding.EncodeToString([]byte(id + ":" + value))
		texts["URL-safe base64 behind "+id] = base64.URLEncoding.EncodeToString([]byte(id + value))
	}
	for name, text := range texts {
		if len(find(pieces, "before "+text+" after")) == 0 {
			t.Errorf("%s is not found in %s", name, text)
		}
	}
	values := map[string]bool{}
	const token = `{"type":"dbxaccess_service_principal_token","values":{"token_value":`
	if left := find(pieces, string(strip([]byte(token+string(quoted)+"}}"), values))); len(left) > 0 || !values[value] {
		t.Errorf("what is documented is found: %q", left)
	}
	for _, text := range []string{
		token + `null,"comment":` + string(quoted) + "}}",
		`{"type":"dbxaccess_service_principal","values":{"token_value":` + string(quoted) + "}}",
	} {
		if len(find(pieces, string(strip([]byte(text), values)))) != 1 {
			t.Errorf("not found in %s", text)
		}
	}
}

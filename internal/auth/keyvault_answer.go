package auth

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// maxVersions is the maximum number of versions and pages that are read for one secret. It is far above the number of
// versions that years of daily rotation create.
const maxVersions = 10_000

// vaultClient is the HTTP client for vaults. It returns an error for a successful response whose body cannot be
// decoded, because the Azure library's own error for JSON of another form looks like a network error.
type vaultClient struct {
	*http.Client
	reader *vaultReader
}

// Do sends a request. It returns an error for a successful response of another form than expected, and for a challenge
// that the Azure library cannot read.
func (c vaultClient) Do(request *http.Request) (*http.Response, error) {
	response, err := c.Client.Do(request)
	if err != nil {
		return nil, err
	}
	token := strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer ")
	if response.StatusCode == http.StatusUnauthorized {
		if !readableChallenge(response.Header) {
			_ = response.Body.Close()
			return nil, web.Mismatch(response, "a challenge that names no login host or no tenant")
		}
		c.reader.refused(token) // the library now gets a token and sends the request once more
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return response, nil
	}
	c.reader.accepted(token)
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	if !vaultForm(body, strings.HasSuffix(request.URL.Path, "/versions")) {
		return nil, web.Mismatch(response, "JSON of another form")
	}
	return response, nil
}

// readableChallenge reports whether a response has no authentication challenge, or a challenge with a login host and a
// tenant. The Azure library (azsecrets, internal/challenge_policy.go) takes the tenant out of the challenge's address
// without checking the address, and panics if the address is too short.
func readableChallenge(h http.Header) bool {
	for part := range strings.SplitSeq(h.Get("WWW-Authenticate"), " ") {
		name, address, _ := strings.Cut(part, "=")
		address = strings.Trim(address, `",`)
		if name == "authorization" && address != "" && strings.Count(address, "/") < 3 {
			return false
		}
	}
	return true
}

// vaultForm reports whether the Azure library can decode body as a secret or, if list is true, as a page of a list of
// secrets. A deleted secret has all fields of a secret, and more.
func vaultForm(body []byte, list bool) bool {
	if list {
		return json.Unmarshal(body, &azsecrets.SecretPropertiesListResult{}) == nil
	}
	return json.Unmarshal(body, &azsecrets.DeletedSecret{}) == nil
}

// vaultRequest is a request to a vault about a secret, or about one version of the secret if version is not empty.
// folder is the first part of the request's path; "" means /secrets/. part is the last part of the path.
type vaultRequest struct{ method, folder, secret, version, part string }

// checkID returns an error unless id, which a response contained, belongs to the requested secret and version. An id
// has the form https://<vault>/secrets/<name>/<version>.
func (v *vault) checkID(a vaultRequest, id *azsecrets.ID) error {
	if id == nil || *id == "" {
		return v.mismatch(a, "JSON without the id of a secret")
	}
	address, err := url.Parse(string(*id))
	if err != nil {
		return v.mismatch(a, "JSON with an id that is not a URL")
	}
	parts := strings.Split(strings.Trim(address.Path, "/"), "/")
	if !strings.EqualFold(address.Hostname(), v.hostname()) || len(parts) != 3 || parts[0] != "secrets" ||
		!strings.EqualFold(parts[1], a.secret) || parts[2] == "" ||
		a.version != "" && !strings.EqualFold(parts[2], a.version) {
		return v.mismatch(a, "an answer about "+web.Text(string(*id), 300))
	}
	return nil
}

func (v *vault) hostname() string {
	name, _, _ := strings.Cut(v.host, ":")
	return name
}

// mismatch returns the error for a successful response that does not answer the request. got says what the response
// holds.
func (v *vault) mismatch(a vaultRequest, got string) *web.NoAnswer {
	path := cmp.Or(a.folder, "/secrets/") + a.secret
	for _, part := range []string{a.version, a.part} {
		if part != "" {
			path += "/" + part
		}
	}
	return &web.NoAnswer{Method: a.method, Host: v.host, Path: path, Status: http.StatusOK, Got: got}
}

// pageOf returns an error unless page is a valid page of the list of a secret's versions. A next page on another host
// is an error, because the token would be sent there. A repeated version or page is an error, because such a list may
// never end. seen has the versions and the page addresses so far, and pageOf adds those of this page.
func (v *vault) pageOf(name string, page azsecrets.ListSecretPropertiesVersionsResponse, seen map[string]bool) error {
	a := vaultRequest{method: http.MethodGet, secret: name, part: "versions"}
	if page.Value == nil {
		return v.mismatch(a, "JSON without a list of versions")
	}
	for _, p := range page.Value {
		if p == nil {
			return v.mismatch(a, "a list with an empty entry")
		}
		if err := v.checkID(a, p.ID); err != nil {
			return err
		}
		if seen[string(*p.ID)] {
			return v.mismatch(a, "a list that names a version twice")
		}
		seen[string(*p.ID)] = true
	}
	if len(seen) > maxVersions {
		return v.mismatch(a, fmt.Sprintf("more than %d versions and pages", maxVersions))
	}
	if page.NextLink == nil || *page.NextLink == "" {
		return nil
	}
	plain := func(host string) string { return strings.TrimSuffix(host, ":443") }
	next, err := url.Parse(*page.NextLink)
	switch {
	case err != nil:
		return v.mismatch(a, "a next page whose address is not a URL")
	case next.Scheme != "https" || !strings.EqualFold(plain(next.Host), plain(v.host)):
		return v.mismatch(a, "a next page on another host, "+web.Text(next.Host, 300))
	case seen[*page.NextLink]:
		return v.mismatch(a, "a next page that has already been read")
	}
	seen[*page.NextLink] = true
	return nil
}

// matches reports whether s is the version that was written: s must be enabled, and its tag mark must have the same
// value as in written.
func (s SecretVersion) matches(written NewSecret, mark string) bool {
	return s.Enabled && s.Tags[mark] == written.Tags[mark]
}

package auth

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// tokenClient is the HTTP client for the services that issue access tokens: Entra ID and managed identity endpoints. It
// has the form that Microsoft's libraries accept.
type tokenClient struct{ *http.Client }

func (o *opening) tokenClient() *tokenClient { return &tokenClient{o.http} }

// Do sends a request. It returns an error for a successful response without the requested token. It allows plain http
// for managed identity endpoints, because they are on the machine itself or on its link to the host. The body of a
// response can be read again after it was closed, because MSAL reads an error response, closes it, and keeps its
// content only as a part of the error's text.
func (c *tokenClient) Do(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		// Microsoft's libraries return the same body each time a new copy of it is needed, so the body is read once and
		// replaced.
		form, err := io.ReadAll(request.Body)
		if err != nil {
			return nil, err
		}
		web.ConcealForm(string(form))
		request = request.Clone(request.Context())
		request.Body = io.NopCloser(bytes.NewReader(form))
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(form)), nil }
	}
	if isManagedIdentity(request.URL) {
		request = request.WithContext(web.AllowPlain(request.Context()))
	}
	response, err := c.Client.Do(request)
	if err != nil {
		return nil, err
	}
	// The client has limited the length of the response and has already read it.
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	if lack := tokenLack(request, body); lack != "" && response.StatusCode < http.StatusMultipleChoices {
		return nil, web.Mismatch(response, lack)
	}
	response.Body = &rewound{*bytes.NewReader(body)}
	return response, nil
}

// tokenLack returns a text that says what a successful response lacks of the requested token; "" if it lacks nothing.
// MSAL does not check all of this, and its own errors repeat the whole response.
func tokenLack(request *http.Request, body []byte) string {
	var answer struct {
		Token    string `json:"access_token"`
		Endpoint string `json:"token_endpoint"`
		Resource string `json:"resource"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "JSON of another form"
	}
	switch asked := request.URL.Query().Get("resource"); {
	case strings.HasSuffix(request.URL.Path, "/.well-known/openid-configuration"):
		if answer.Endpoint == "" {
			return "JSON without a token endpoint"
		}
	case !strings.HasSuffix(request.URL.Path, "/token"):
	case strings.TrimSpace(answer.Token) == "":
		return "JSON without an access token"
	case asked != "" && answer.Resource != "" &&
		strings.TrimRight(answer.Resource, "/") != strings.TrimRight(asked, "/"):
		return "a token for " + web.Text(answer.Resource, 200)
	}
	return ""
}

// ConfigureClient lets MSAL pin the certificate of Service Fabric, which MSAL can do only for a standard transport.
// MSAL calls ConfigureClient before any request.
func (c *tokenClient) ConfigureClient(pin func(*http.Client) (*http.Client, error)) error {
	pinned, err := pin(web.Unguarded())
	if err == nil {
		c.Client = web.NewClient(pinned.Transport, c.Timeout)
	}
	return err
}

type rewound struct{ bytes.Reader }

func (r *rewound) Close() error {
	_, err := r.Seek(0, io.SeekStart)
	return err
}

package provider

import (
	"net/http"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// Environment holds what environment variables configure without a provider block, for a program that calls the
// workspace without Terraform.
type Environment struct {
	// Host is the address of the workspace, as https://adb-….azuredatabricks.net; empty if only an Azure resource id is
	// configured.
	Host string
	// WorkspaceID is the workspace's id, if it is configured.
	WorkspaceID string
	Login       *auth.Login
	// Transport sends the requests, and trusts the configured certificate authorities. It does not apply the rules of
	// [web.Guard], because a program that checks a workspace treats a redirect as a result. The caller must follow no
	// redirect, and must limit how much of each body it reads.
	Transport http.RoundTripper
	// Open returns another login in the same tenant, with the same network settings.
	Open func(auth.Settings) (*auth.Login, error)
}

// FromEnvironment reads the environment variables that the provider reads. It sends no request.
func FromEnvironment(lookupEnv func(string) (string, bool)) (Environment, error) {
	cfg := block{}.resolve(lookupEnv)
	login, options, err := cfg.openLogin(lookupEnv)
	if err != nil {
		return Environment{}, err
	}
	return Environment{
		Host:        cfg.Host,
		WorkspaceID: cfg.WorkspaceID,
		Login:       login,
		Transport:   options.Transport,
		Open:        func(s auth.Settings) (*auth.Login, error) { return auth.Open(cfg.completeLogin(s), options) },
	}, nil
}

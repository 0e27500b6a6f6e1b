package provider

import (
	"net/http"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// Environment is what an empty provider block amounts to, for a program that asks the workspace without Terraform.
type Environment struct {
	// Host is the workspace, as https://adb-….azuredatabricks.net; empty where only an Azure resource id is given.
	Host string
	// WorkspaceID is the workspace's id, if it is configured.
	WorkspaceID string
	Login       *auth.Login
	// Transport carries the requests, with the certificate authorities that are configured. It keeps none of the rules
	// of [web.Guard]: to who checks a workspace a redirect is an answer. The caller must follow none, and bound each
	// body.
	Transport http.RoundTripper
	// Open opens another login in the same tenant, over the same network.
	Open func(auth.Settings) (*auth.Login, error)
}

// FromEnvironment reads the variables that the provider reads. It touches no network.
func FromEnvironment(lookupEnv func(string) (string, bool)) (Environment, error) {
	cfg := providerModel{}.resolve(lookupEnv)
	login, options, err := cfg.openLogin(lookupEnv)
	if err != nil {
		return Environment{}, err
	}
	open := func(s auth.Settings) (*auth.Login, error) { return auth.Open(cfg.completeLogin(s), options) }
	transport := options.Transport
	return Environment{
		Host:        cfg.Host,
		WorkspaceID: cfg.WorkspaceID,
		Login:       login,
		Transport:   transport,
		Open:        open,
	}, nil
}

package client

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// identity holds all settings of a login, as a map key: logins with equal settings share one client. It holds secrets,
// as the client does.
type identity struct {
	auth.Settings
	vault auth.KeyVaultSettings
}

func identityOf(s auth.Settings) identity {
	i := identity{Settings: s}
	if s.KeyVault != nil {
		i.vault = *s.KeyVault
	}
	i.KeyVault = nil // equal settings may have different pointers
	return i
}

// openOnce holds what was opened, by its settings, so that it is opened once however many resources name it.
type openOnce[S comparable, T any] struct {
	mu     sync.Mutex
	opened map[S]*T
}

// get returns what was opened with these settings, and calls open if there is none yet. It does not keep an error,
// because a file that was missing may exist the next time.
func (o *openOnce[S, T]) get(settings S, open func() (*T, error)) (*T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if t, ok := o.opened[settings]; ok {
		return t, nil
	}
	t, err := open()
	if err != nil {
		return nil, err
	}
	if o.opened == nil {
		o.opened = map[S]*T{}
	}
	o.opened[settings] = t
	return t, nil
}

// ReadSecret reads the Key Vault secret that a block of the configuration names, and returns the value as a setting of
// that block. One request.
func (c *Client) ReadSecret(ctx context.Context, block, vaultURI, name string) (auth.Setting, error) {
	vault, err := c.Vault(auth.Setting{Value: vaultURI, Attribute: block + ".vault_uri"})
	if err != nil {
		return auth.Setting{}, err
	}
	value, err := vault.ReadSecret(ctx, auth.Setting{Value: name, Attribute: block + ".name"})
	return auth.Setting{Value: value, Attribute: block}, err
}

// Vault returns the Key Vault at an address. The provider's own identity calls the vault. Vault sends no request.
func (c *Client) Vault(uri auth.Setting) (*auth.Vault, error) {
	key := uri.Attribute + " " + strings.ToLower(strings.TrimRight(strings.TrimSpace(uri.Value), "/"))
	return c.run.vaults.get(key, func() (*auth.Vault, error) { return c.cfg.Vault(uri) })
}

// Await logs in. If the application or its credential may be new, Await waits for Entra ID; see [auth.Login.Await].
func (c *Client) Await(ctx context.Context) error {
	_, err := c.Login.Await(ctx, auth.DatabricksScope)
	return err
}

// Now returns the time by the workspace's clock, as the Date header of its last answer showed it. Before any answer, it
// is this machine's time. A machine whose clock is wrong must not decide that a token has expired.
func (c *Client) Now() time.Time {
	return time.Now().UTC().Add(time.Duration(c.transport.ahead.Load()))
}

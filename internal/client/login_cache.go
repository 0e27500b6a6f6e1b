package client

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// loginCache holds the clients of other identities, so that each identity logs in once, however many resources name its
// credential. It also holds the vaults that resources write to.
type loginCache struct {
	mu      sync.Mutex
	clients map[identity]*Client
	vaults  map[string]*auth.Vault
}

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

// login returns the client with these settings, and calls open if there is none yet. It does not keep an error, because
// a file that was missing may exist the next time.
func (l *loginCache) login(s auth.Settings, open func() (*Client, error)) (*Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := identityOf(s)
	if c, ok := l.clients[key]; ok {
		return c, nil
	}
	c, err := open()
	if err != nil {
		return nil, err
	}
	if l.clients == nil {
		l.clients = map[identity]*Client{}
	}
	l.clients[key] = c
	return c, nil
}

// Vault returns the Key Vault at an address. The provider's own identity calls the vault. Vault sends no request.
func (c *Client) Vault(uri auth.Setting) (*auth.Vault, error) {
	l := &c.run.logins
	l.mu.Lock()
	defer l.mu.Unlock()
	key := uri.Attribute + " " + strings.ToLower(strings.TrimRight(strings.TrimSpace(uri.Value), "/"))
	if v, ok := l.vaults[key]; ok {
		return v, nil
	}
	v, err := c.cfg.Vault(uri)
	if err != nil {
		return nil, err
	}
	if l.vaults == nil {
		l.vaults = map[string]*auth.Vault{}
	}
	l.vaults[key] = v
	return v, nil
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

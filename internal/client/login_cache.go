package client

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// identities are what one configuration of the provider shares among resources: clients of other identities, each of
// which logs in once however many resources name its credential, and the vaults it writes to.
type identities struct {
	mu     sync.Mutex
	logins map[identity]*Client
	vaults map[string]*auth.Vault
	done   map[string]bool
}

// identity is all that a login is made of. It holds secrets, as the client made of it does.
type identity struct {
	auth.Settings
	vault auth.KeyVaultSettings
}

func identityOf(s auth.Settings) identity {
	i := identity{Settings: s}
	if s.KeyVault != nil {
		i.vault = *s.KeyVault
	}
	i.KeyVault = nil // a pointer would make every login another one
	return i
}

// login gives the client of an identity, made at most once; a failure is not kept, because the file it read may be there
// the next time.
func (i *identities) login(s auth.Settings, open func() (*Client, error)) (*Client, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := identityOf(s)
	if c, ok := i.logins[key]; ok {
		return c, nil
	}
	c, err := open()
	if err != nil {
		return nil, err
	}
	if i.logins == nil {
		i.logins = map[identity]*Client{}
	}
	i.logins[key] = c
	return c, nil
}

// Vault is the Key Vault at an address, met with the provider's own identity. It touches no network.
func (c *Client) Vault(uri auth.Setting) (*auth.Vault, error) {
	i := &c.line.identities
	i.mu.Lock()
	defer i.mu.Unlock()
	key := uri.Attribute + " " + strings.ToLower(strings.TrimRight(strings.TrimSpace(uri.Value), "/"))
	if v, ok := i.vaults[key]; ok {
		return v, nil
	}
	v, err := c.cfg.Vault(uri)
	if err != nil {
		return nil, err
	}
	if i.vaults == nil {
		i.vaults = map[string]*auth.Vault{}
	}
	i.vaults[key] = v
	return v, nil
}

// Await logs in, and waits for Entra ID where application or credential were made a moment ago; see [auth.Login.Await].
func (c *Client) Await(ctx context.Context) error {
	_, err := c.Login.Await(ctx, auth.DatabricksScope)
	return err
}

// Now is the workspace's clock by the Date of its last answer, else this machine's: a machine whose clock is wrong must not
// decide that a token has expired.
func (c *Client) Now() time.Time { return time.Now().UTC().Add(time.Duration(c.line.ahead.Load())) }

// FirstTime says, once for each name, that something is to be done; to everybody after the first that it is not.
func (c *Client) FirstTime(name string) bool {
	i := &c.line.identities
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.done[name] {
		return false
	}
	if i.done == nil {
		i.done = map[string]bool{}
	}
	i.done[name] = true
	return true
}

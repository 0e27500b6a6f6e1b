package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// OAuthSecret is what the workspace shows of an OAuth secret of a service principal. The secret's value is not shown.
type OAuthSecret struct {
	ID        string   // 64 hex digits
	Status    string   // ACTIVE, or a status that the documentation does not name
	Scopes    []string // sorted; empty means all permissions of the principal
	CreatedAt time.Time
	ExpiresAt time.Time // zero means never, as for secrets created before 2025
}

// Active reports whether the service calls the secret active.
func (s OAuthSecret) Active() bool { return strings.EqualFold(s.Status, "ACTIVE") }

// OAuthSecretList holds the OAuth secrets of one service principal, and the service's clock when it answered.
type OAuthSecretList struct {
	Secrets []OAuthSecret
	Now     time.Time
}

// Live reports whether a secret of the list can log in: the secret is active and has not expired.
func (l OAuthSecretList) Live(s OAuthSecret) bool {
	return s.Active() && (s.ExpiresAt.IsZero() || s.ExpiresAt.After(l.Now))
}

// ByID returns the secret with that id, live or not, and whether the list has it.
func (l OAuthSecretList) ByID(id string) (OAuthSecret, bool) {
	if i := slices.IndexFunc(l.Secrets, func(s OAuthSecret) bool { return s.ID == id }); i >= 0 {
		return l.Secrets[i], true
	}
	return OAuthSecret{}, false
}

type oauthSecret struct {
	ID         string   `json:"id"`
	Secret     string   `json:"secret"`
	Status     string   `json:"status"`
	Scopes     []string `json:"scopes"`
	CreateTime string   `json:"create_time"`
	ExpireTime string   `json:"expire_time"`
}

// lacks returns what is missing or malformed in an OAuth secret, and an empty string if the secret is complete.
func (s oauthSecret) lacks() string {
	if lack := CheckName("id", s.ID, ""); lack != "" {
		return lack
	}
	for field, value := range map[string]string{"create_time": s.CreateTime, "expire_time": s.ExpireTime} {
		if _, err := time.Parse(time.RFC3339, value); err != nil && (value != "" || field == "create_time") {
			return fmt.Sprintf("the %s in the answer is not a time: %q", field, clean(value))
		}
	}
	return ""
}

func (s oauthSecret) info() OAuthSecret {
	info := OAuthSecret{ID: s.ID, Status: clean(s.Status), Scopes: slices.Sorted(slices.Values(s.Scopes))}
	info.CreatedAt, _ = time.Parse(time.RFC3339, s.CreateTime) // lacks has checked both times
	info.ExpiresAt, _ = time.Parse(time.RFC3339, s.ExpireTime)
	return info
}

type oauthSecrets struct {
	Secrets []oauthSecret `json:"secrets"`
	Next    string        `json:"next_page_token"`
}

func (l *oauthSecrets) Lacks(bare bool) string {
	if l.Secrets == nil && !bare {
		return "the answer has no secrets"
	}
	for _, s := range l.Secrets {
		if lack := s.lacks(); lack != "" {
			return lack
		}
	}
	return ""
}

func oauthSecretsOf(principalID string) string {
	return PathOf("/api/2.0/accounts/servicePrincipals", principalID, "credentials", "secrets")
}

// OAuthSecrets lists the OAuth secrets of the service principal with that SCIM id. The caller must be a workspace
// admin. One request, shared by all callers in this run until a secret of that principal is created or deleted. If the
// list is empty, one more request per run: the service writes an empty list as {}, and so may a proxy.
// https://docs.databricks.com/api/azure/workspace/serviceprincipalsecretsproxy/list
func (c *Client) OAuthSecrets(ctx context.Context, principalID string) (OAuthSecretList, error) {
	list := c.oauthSecrets.at(principalID)
	return list.Get(ctx, AnyAge, func(ctx context.Context) (OAuthSecretList, error) {
		return c.readOAuthSecrets(ctx, principalID)
	})
}

// OAuthSecretsNow is [Client.OAuthSecrets] with a list that was read no earlier than this call. Another run may have
// created or deleted a secret just before.
func (c *Client) OAuthSecretsNow(ctx context.Context, principalID string) (OAuthSecretList, error) {
	list := c.oauthSecrets.at(principalID)
	return list.GetSince(ctx, time.Now(), func(ctx context.Context) (OAuthSecretList, error) {
		return c.readOAuthSecrets(ctx, principalID)
	})
}

// maxSecretPages bounds how many pages of a list of secrets are read. A service principal has at most five secrets.
const maxSecretPages = 20

func (c *Client) readOAuthSecrets(ctx context.Context, principalID string) (OAuthSecretList, error) {
	var list OAuthSecretList
	query := map[string]any{}
	for range maxSecretPages {
		var page oauthSecrets
		response, err := c.call(ctx, http.MethodGet, oauthSecretsOf(principalID), query, nil, &page)
		if err != nil {
			return OAuthSecretList{}, err
		}
		list.Now = response.date
		for _, s := range page.Secrets {
			list.Secrets = append(list.Secrets, s.info())
		}
		switch {
		case page.Next != "":
			query["page_token"] = page.Next
		case len(list.Secrets) == 0:
			_, err := c.self.Get(ctx, AnyAge, c.Me) // once per run, because there may be hundreds of such lists
			return list, err
		default:
			return list, nil
		}
	}
	return OAuthSecretList{}, fmt.Errorf("%w: the list of OAuth secrets of service principal %s has more than %d pages",
		ErrNotAnAnswer, principalID, maxSecretPages)
}

type createdOAuthSecret struct{ oauthSecret }

func (s *createdOAuthSecret) Lacks(bool) string {
	if s.Secret == "" {
		return "the answer has no secret"
	}
	return s.lacks()
}

// CreateOAuthSecret creates an OAuth secret of the service principal with that SCIM id. It returns the secret's value,
// which the service shows only this once. Empty scopes mean all permissions of the principal. The caller must be a
// workspace admin. One request.
// https://docs.databricks.com/api/azure/workspace/serviceprincipalsecretsproxy/create
func (c *Client) CreateOAuthSecret(
	ctx context.Context,
	principalID string,
	lifetime time.Duration,
	scopes []string,
) (OAuthSecret, string, error) {
	defer c.oauthSecrets.at(principalID).Forget()
	request := struct {
		Lifetime string   `json:"lifetime"`
		Scopes   []string `json:"scopes,omitempty"`
	}{strconv.FormatInt(int64(lifetime/time.Second), 10) + "s", scopes}
	var answer createdOAuthSecret
	if err := c.Call(ctx, http.MethodPost, oauthSecretsOf(principalID), nil, request, &answer); err != nil {
		return OAuthSecret{}, "", err
	}
	web.Conceal(answer.Secret)
	return answer.info(), answer.Secret, nil
}

// DeleteOAuthSecret deletes an OAuth secret of a service principal. It returns nil if the secret does not exist any
// more. The error is [ErrNotFound] if the workspace has no such principal; the secret may then still exist in the
// account. Access tokens that were issued for the secret remain valid for an hour at most. The caller must be a
// workspace admin.
//
// Two requests: the deletion, and a list that lacks the secret. If the list is empty, another deletion, which the
// service must refuse.
// https://docs.databricks.com/api/azure/workspace/serviceprincipalsecretsproxy/delete
func (c *Client) DeleteOAuthSecret(ctx context.Context, principalID, id string) error {
	defer c.oauthSecrets.at(principalID).Forget()
	remove := func(ctx context.Context) error {
		return c.Call(ctx, http.MethodDelete, PathOf(oauthSecretsOf(principalID), id), nil, nil, nil)
	}
	gone := func(ctx context.Context) (bool, error) {
		list, err := c.OAuthSecretsNow(ctx, principalID)
		if err == nil && len(list.Secrets) == 0 { // {} may come from a proxy
			if err = remove(ctx); errors.Is(err, ErrNotFound) {
				return true, nil
			}
			return false, err
		}
		_, there := list.ByID(id)
		return !there, err
	}
	err := remove(ctx)
	if errors.Is(err, ErrNotFound) {
		// Either the secret or the principal does not exist. Only the list shows which of the two.
		if is, listErr := gone(ctx); is || listErr != nil {
			return listErr
		}
	}
	if err != nil {
		return err
	}
	return confirmed(ctx, "OAuth secret "+id, func(ctx context.Context) (bool, error) {
		is, err := gone(ctx)
		if errors.Is(err, ErrNotFound) { // the deletion was accepted, and the principal was removed just after
			return true, nil
		}
		return is, err
	})
}

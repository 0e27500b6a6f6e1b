package client

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

// bearer remembers which access token of one caller the workspace accepted last. It also lets all requests of that
// caller share one renewal of the token.
type bearer struct {
	accepted atomic.Value // string: the token that the workspace accepted last
	renewals singleflight.Group
}

func bearerOf(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

func (s strategy) accepted(r *http.Request) { s.bearer.accepted.Store(bearerOf(r)) }

// renew logs in again after the workspace refused the token of a request, and reports whether the caller has another
// token now. It replaces only a token that the workspace has accepted before. If the workspace refuses a first token,
// or a new one, another login would not help. All calls that are refused with the same token share one login.
func (s strategy) renew(r *http.Request) (bool, error) {
	refused := bearerOf(r)
	return share(r.Context(), &s.bearer.renewals, refused, func(ctx context.Context) (bool, error) {
		return s.replace(ctx, refused)
	})
}

func (s strategy) replace(ctx context.Context, refused string) (bool, error) {
	now, err := s.token(ctx, auth.DatabricksScope)
	if err != nil || now.Value != refused { // another call has renewed the token
		return err == nil, err
	}
	if s.bearer.accepted.Load() != refused {
		return false, nil
	}
	s.cfg.Login.Forget(auth.DatabricksScope, refused)
	if s.own && s.cfg.AdminLogin { // both tokens are sent, so either of them may be the refused one
		management, err := s.token(ctx, s.cfg.Login.ManagementScope())
		if err != nil {
			return false, err
		}
		s.cfg.Login.Forget(s.cfg.Login.ManagementScope(), management.Value)
	}
	now, err = s.token(ctx, auth.DatabricksScope)
	return err == nil && now.Value != refused, err
}

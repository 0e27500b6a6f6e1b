package currentidentity

import (
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

func TestToModel(t *testing.T) {
	const app = "6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20"
	login := &auth.Login{Kind: auth.KindClientSecret, Source: "client_secret"}
	if m := toModel(session{Login: login, Identity: client.Identity{UserName: app}}); m.ApplicationID.ValueString() != app {
		t.Errorf("application id %s of a service principal", m.ApplicationID)
	}
	m := toModel(session{Login: login, Identity: client.Identity{UserName: "ada@example.com"}})
	if !m.ApplicationID.IsNull() || !m.TokenClaims.IsNull() || !m.TokenExpiresAt.IsNull() || !m.CertificateSubject.IsNull() {
		t.Errorf("a user without claims: %+v", m)
	}
	if m.Groups.IsNull() {
		t.Error("no groups is null, want an empty set")
	}
}

func TestIssuedAt(t *testing.T) {
	for claims, want := range map[string]time.Time{
		`{"iat":1767225600}`:    time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		`{"iat":1.7672256e+09}`: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		`{"iat":"soon"}`:        {},
		`{}`:                    {},
		``:                      {},
	} {
		if got := issuedAt(claims); !got.Equal(want) {
			t.Errorf("%s: %s, want %s", claims, got, want)
		}
	}
}

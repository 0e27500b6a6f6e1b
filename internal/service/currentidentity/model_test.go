package currentidentity

import (
	"testing"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

func TestToModel(t *testing.T) {
	const app = "6f5a8f9e-0d1c-4c57-9a3e-3b8f5a1c7d20"
	login := &auth.Login{Kind: auth.KindClientSecret, Source: "client_secret"}
	if m := toModel(session{Login: login,
		Identity: client.Identity{UserName: app}}); m.ApplicationID.ValueString() != app {
		t.Errorf("application id %s of a service principal", m.ApplicationID)
	}
	m := toModel(session{Login: login, Identity: client.Identity{UserName: "ada@example.com"}})
	if !m.ApplicationID.IsNull() || !m.TokenClaims.IsNull() || !m.CertificateSubject.IsNull() {
		t.Errorf("a user without claims: %+v", m)
	}
	if m.Groups.IsNull() {
		t.Error("no groups is null, want an empty set")
	}
}

// Claims that vary from token to token are left out, and so are claims that the provider does not know.
func TestStableClaims(t *testing.T) {
	const first = `{"tid":"t","appid":"a","oid":"o","roles":["b","a"],"ver":"1.0","iat":1,"nbf":1,"exp":2,"uti":"x","jti":"x","aio":"x","rh":"x","xms_ftd":"x","xms_tcdt":1,"ipaddr":"10.0.0.1","new":"x"}`
	const second = `{"new":"y","roles":["a","b"],"ver":"1.0","tid":"t","appid":"a","oid":"o","iat":9,"nbf":9,"exp":9,"uti":"y","jti":"y","aio":"y","rh":"y","xms_ftd":"y","xms_tcdt":9,"ipaddr":"10.0.0.2"}`
	const want = `{"appid":"a","oid":"o","roles":["a","b"],"tid":"t","ver":"1.0"}`
	for _, claims := range []string{first, second} {
		if got := stable(claims); got != want {
			t.Errorf("kept %s", got)
		}
	}
	if got := stable(""); got != "" {
		t.Errorf("of no claims: %s", got)
	}
}

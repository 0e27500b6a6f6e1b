package emulator

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestVaultRefuses(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	vault := tenant.NewVault("kv-ml")
	app := tenant.RegisterApp("reader")
	vault.Allow(app.ClientID, RoleSecretsOfficer)
	version := vault.SetSecret("s", "value", "")
	token := func(tenant *Tenant, audience string, lifetime time.Duration) string {
		raw, err := tenant.IssueAccessToken(app.ClientID, audience, lifetime)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + raw
	}
	const resource = "https://vault.azure.net"
	foreign := NewTenant(TenantOptions{})
	foreign.RegisterAppWithID("reader", app.ClientID)
	good := token(tenant, resource, time.Hour)

	for _, tc := range []struct {
		name, method, path, body, authorization string
		status                                  int
		code, text                              string
	}{
		{"good", "GET", "/secrets/s?api-version=7.4", "", good, 200, "", version},
		{"a date as version", "GET", "/secrets/s/" + version + "?api-version=2026-04-01", "", good, 200, "", `"value":"value"`},
		{"no token", "GET", "/secrets/s?api-version=7.4", "", "", 401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token."},
		{"not a bearer", "GET", "/secrets/s?api-version=7.4", "", "Basic x", 401, "Unauthorized", "AKV10000"},
		{"rubbish", "GET", "/secrets/s?api-version=7.4", "", "Bearer x", 401, "Unauthorized", "AKV10046"},
		{"another tenant's token", "GET", "/secrets/s?api-version=7.4", "", token(foreign, resource, time.Hour), 401, "Unauthorized", "AKV10046"},
		{"wrong audience", "GET", "/secrets/s?api-version=7.4", "", token(tenant, DatabricksResource, time.Hour), 401, "Unauthorized", "AKV10022: Invalid audience. Expected https://vault.azure.net, found: 2ff814a6"},
		{"another cloud's audience", "GET", "/secrets/s?api-version=7.4", "", token(tenant, "https://vault.azure.cn", time.Hour), 401, "Unauthorized", "AKV10022"},
		{"expired", "GET", "/secrets/s?api-version=7.4", "", token(tenant, resource, -time.Second), 401, "Unauthorized", "TokenExpired"},
		{"no version", "GET", "/secrets/s", "", good, 400, "BadParameter", "api-version must be specified"},
		{"malformed version", "GET", "/secrets/s?api-version=latest", "", good, 400, "BadParameter", "is not recognized"},
		{"unknown secret", "GET", "/secrets/t?api-version=7.4", "", good, 404, "SecretNotFound", "A secret with (name/id) t was not found"},
		{"unknown version", "GET", "/secrets/s/0123?api-version=7.4", "", good, 404, "SecretNotFound", "s/0123"},
		{"bad name", "GET", "/secrets/a_b?api-version=7.4", "", good, 400, "BadParameter", "invalid name: a_b"},
		{"conversion", "GET", "/secrets/s?api-version=7.4&outContentType=application/x-pem-file", "", good, 400, "BadParameter", "conversion"},
		{"unknown route", "GET", "/keys?api-version=7.4", "", good, 404, "NotFound", "GET /keys"},
		{"unknown method", "POST", "/secrets/s?api-version=7.4", "", good, 404, "NotFound", "POST"},
		{"too many results", "GET", "/secrets?api-version=7.4&maxresults=26", "", good, 400, "BadParameter", "maxresults"},
		{"bad skip token", "GET", "/secrets?api-version=7.4&$skiptoken=x", "", good, 400, "BadParameter", "skiptoken"},
		{"set no value", "PUT", "/secrets/n?api-version=7.4", "", good, 400, "BadParameter", "body"},
		{"set no value", "PUT", "/secrets/n?api-version=7.4", "{}", good, 400, "BadParameter", "value"},
		{"set unknown field", "PUT", "/secrets/n?api-version=7.4", `{"value":"x","content_type":"y"}`, good, 400, "BadParameter", "content_type"},
		{"set two values", "PUT", "/secrets/n?api-version=7.4", `{"value":"x"}{}`, good, 400, "BadParameter", "more than one"},
		{"set too much", "PUT", "/secrets/n?api-version=7.4", `{"value":"` + strings.Repeat("x", maxSecret+1) + `"}`, good, 400, "BadParameter", "larger than 25600 bytes"},
		{"set far too much", "PUT", "/secrets/n?api-version=7.4", strings.Repeat("x", 4*maxSecret+1), good, 413, "RequestTooLarge", ""},
		{"set exp before nbf", "PUT", "/secrets/n?api-version=7.4", `{"value":"x","attributes":{"nbf":2,"exp":1}}`, good, 400, "BadParameter", "nbf"},
		{"set 16 tags", "PUT", "/secrets/n?api-version=7.4", `{"value":"x","tags":{` + strings.TrimSuffix(manyTags(16), ",") + `}}`, good, 400, "BadParameter", "tags"},
		{"update a value", "PATCH", "/secrets/s/" + version + "?api-version=7.4", `{"value":"x"}`, good, 400, "BadParameter", "cannot be updated"},
		{"update unknown", "PATCH", "/secrets/t/" + version + "?api-version=7.4", `{}`, good, 404, "SecretNotFound", ""},
		{"delete unknown", "DELETE", "/secrets/t?api-version=7.4", "", good, 404, "SecretNotFound", ""},
		{"recover what is there", "POST", "/deletedsecrets/s/recover?api-version=7.4", "", good, 404, "SecretNotFound", "A secret with (name/id) s was not found in this key vault"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, "https://kv-ml.vault.azure.net"+tc.path, strings.NewReader(tc.body))
			if tc.authorization != "" {
				r.Header.Set("Authorization", tc.authorization)
			}
			w := httptest.NewRecorder()
			vault.ServeHTTP(w, r)
			var body struct {
				Error struct{ Code, Message string }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			if w.Code != tc.status || body.Error.Code != tc.code || !strings.Contains(w.Body.String(), tc.text) {
				t.Errorf("%d %s, want %d %s %s", w.Code, w.Body, tc.status, tc.code, tc.text)
			}
			challenge := `Bearer authorization="https://login.microsoftonline.com/` + tenant.ID +
				`", resource="https://vault.azure.net"`
			if got := w.Header().Get("WWW-Authenticate"); (w.Code == 401) != (got == challenge) {
				t.Errorf("%d with challenge %q", w.Code, got)
			}
			if w.Header().Get("x-ms-request-id") == "" || w.Header().Get("x-ms-keyvault-region") != "westeurope" {
				t.Errorf("header %v", w.Header())
			}
		})
	}
	if got := vault.names(false); len(got) != 1 || len(got[0].versions) != 1 ||
		got[0].latest().updated != got[0].latest().created {
		t.Error("a refused request had an effect")
	}

	tenant.Faults.Add(Fault{Service: "vault", Path: "/secrets/**", Status: 429, RetryAfter: 2})
	tenant.Faults.Add(Fault{Service: "vault", Status: 403, Code: "Forbidden/ForbiddenByConnection",
		Message: "Public network access is disabled"})
	for _, want := range []string{"Throttled", `"innererror":{"code":"ForbiddenByConnection"}`} {
		w := httptest.NewRecorder()
		vault.ServeHTTP(w, httptest.NewRequest("GET", "/secrets/s", nil))
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

func manyTags(n int) string {
	var tags strings.Builder
	for i := range n {
		fmt.Fprintf(&tags, `"t%d":"",`, i)
	}
	return tags.String()
}

func TestVaultPages(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	vault := tenant.NewVault("kv-ml")
	app := tenant.RegisterApp("reader")
	vault.Allow(app.ClientID, RoleReader)
	for _, name := range []string{"a", "b", "c"} {
		vault.SetSecret(name, "x", "")
	}
	token, err := tenant.IssueAccessToken(app.ClientID, "https://vault.azure.net", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	next := "https://kv-ml.vault.azure.net/secrets?api-version=7.4&maxresults=2"
	for range 3 {
		r := httptest.NewRequest("GET", next, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		vault.ServeHTTP(w, r)
		var body struct {
			Value    []struct{ ID string }
			NextLink *string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		for _, v := range body.Value {
			names = append(names, strings.TrimPrefix(v.ID, "https://kv-ml.vault.azure.net/secrets/"))
		}
		if body.NextLink == nil {
			break
		}
		next = *body.NextLink
	}
	if !slices.Equal(names, []string{"a", "b", "c"}) {
		t.Errorf("names %v", names)
	}
}

func TestVaultMethodsPanicOnWrongNames(t *testing.T) {
	tenant := NewTenant(TenantOptions{})
	vault := tenant.NewVault("kv-ml")
	for what, misuse := range map[string]func(){
		"twice":       func() { tenant.NewVault("kv-ml") },
		"capitals":    func() { tenant.NewVault("KV-ml") },
		"unknown":     func() { vault.SetEnabled("none", "", true) },
		"role":        func() { vault.Allow("x", "Owner") },
		"secret name": func() { vault.SetSecret("a_b", "x", "") },
		"content":     func() { vault.ImportCertificate("c", nil, goodPair().cert, "pfx") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", what)
				}
			}()
			misuse()
		}()
	}
}

package emulator

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestScenario(t *testing.T) {
	s := NewScenario()
	server, err := Serve(s.Tenant, s.Workspace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })

	login := func(clientID string, pair *keyPair, secret string) string {
		credential := secretCredential(t, secret)
		if pair != nil {
			credential = certificateCredential(t, *pair)
		}
		result, err := msalLogin(t, s.Tenant, server.EntraURL+"/"+s.Tenant.ID, clientID, credential, databricksScope)
		if err != nil {
			t.Fatal(err)
		}
		return result.AccessToken
	}
	get := func(token, path string) (int, string) {
		r, err := http.NewRequest(http.MethodGet, server.WorkspaceURLs[0]+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := trusting(s.Tenant).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}

	endpoint, me := "/api/2.0/serving-endpoints/"+s.EndpointName, "/api/2.0/preview/scim/v2/Me"
	deployer := &keyPair{s.DeployerCertificate, s.DeployerKey}
	for _, tc := range []struct {
		name, token, path string
		status            int
		body              string
	}{
		{"the person sees her endpoint", s.PersonToken, endpoint, 200, s.EndpointID},
		{"the person is herself", s.PersonToken, me, 200, s.PersonName},
		{"the deployer by certificate", login(s.Deployer.ClientID, deployer, s.DeployerSecret), me, 200, s.Deployer.ClientID},
		{"the deployer by secret", login(s.Deployer.ClientID, nil, s.DeployerSecret), endpoint, 200, s.EndpointID},
		{"the application is not in the workspace", login(s.ScoringApp.ClientID, nil, s.ScoringSecret), endpoint, 403, ""},
		{"nobody", "", endpoint, 401, ""},
	} {
		if status, body := get(tc.token, tc.path); status != tc.status || !strings.Contains(body, tc.body) {
			t.Errorf("%s: %d %s, want %d with %q", tc.name, status, body, tc.status, tc.body)
		}
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/conformance"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// served is an emulator with the environment variables through which the command reaches it like a real workspace.
type served struct {
	*emulator.Scenario
	control string
	env     map[string]string
}

func serve(t *testing.T) *served {
	t.Helper()
	s := emulator.NewScenarioIn(emulator.TenantOptions{NewKey: emulator.ReusedKeys()})
	server, err := emulator.Serve(s.Tenant, s.Workspace)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	authorities := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authorities, s.Tenant.CACertificatePEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	second := s.Tenant.RegisterApp("second")
	return &served{Scenario: s, control: server.ControlURL, env: map[string]string{
		"DBXACCESS_HOST": server.WorkspaceURLs[0], "ARM_TENANT_ID": s.Tenant.ID,
		"ARM_CLIENT_ID": s.Deployer.ClientID, "ARM_CLIENT_SECRET": s.DeployerSecret,
		"ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST": server.EntraURL, "DBXACCESS_CA_CERTIFICATE_PATH": authorities,
		"DBXACCESS_CONFORMANCE_CLIENT_ID":     second.ClientID,
		"DBXACCESS_CONFORMANCE_CLIENT_SECRET": second.AddSecret(time.Hour),
	}}
}

func (s *served) run(ctx context.Context, args ...string) (code int, out string) {
	var printed bytes.Buffer
	code = run(ctx, args, func(name string) (string, bool) { v, ok := s.env[name]; return v, ok }, &printed, &printed)
	return code, printed.String()
}

var named = regexp.MustCompile(`(?m)^  (\w+ switch .*)$`)

func TestThreeSwitches(t *testing.T) {
	t.Parallel()
	for _, three := range []map[string]any{
		{"NoTokenUpdates": true, "OrgIDHeader": "me", "RenameByPatch": "refused"},
		{"SCIMWritesAnswerNothing": true, "HostMetadata": "missing", "LastUsedDelay": "-1ns"},
		{"PatchNeverLowers": true, "NotAMember": "html", "InheritedFromObject": "/serving-endpoints/root"},
	} {
		s := serve(t)
		raw, err := json.Marshal(three)
		if err != nil {
			t.Fatal(err)
		}
		address := s.control + "/workspaces/" + s.Workspace.ID() + "/switches"
		resp, err := http.Post(address, "application/json", bytes.NewReader(raw))
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		_ = resp.Body.Close()
		var want, got []string
		for name, value := range three {
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, "workspace switch "+name+" = "+string(text))
		}
		code, out := s.run(t.Context(), "-write", "-endpoint", s.EndpointName, "-wait", "5s")
		for _, m := range named.FindAllStringSubmatch(out, -1) {
			got = append(got, m[1])
		}
		slices.Sort(want)
		slices.Sort(got)
		if code != 0 || !slices.Equal(got, want) {
			t.Errorf("code %d, named %q, want %q\n%s", code, got, want, out)
		}
		for name, value := range s.env {
			if strings.HasSuffix(name, "SECRET") && strings.Contains(out, value) {
				t.Errorf("%s is printed", name)
			}
		}
		if strings.Contains(out, "dapi") || strings.Contains(out, "eyJ") {
			t.Error("a token is printed")
		}
	}
}

// TestPrivateLink checks that the command judges a redirect as an answer and does not follow it.
func TestPrivateLink(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.Workspace.SetSwitches(emulator.WorkspaceSwitches{Network: emulator.NetworkPrivateLink})
	code, out := s.run(t.Context())
	if code != 0 || !strings.Contains(out, `workspace switch Network = "private_link"`) {
		t.Errorf("%d\n%s", code, out)
	}
}

// TestSignals checks that SIGINT and SIGTERM end the checks, and that the command then removes everything that it
// created.
func TestSignals(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		s := serve(t)
		before := len(s.Workspace.Snapshot().ServicePrincipals)
		own := func() bool {
			return slices.ContainsFunc(s.Workspace.Snapshot().ServicePrincipals,
				func(p emulator.ServicePrincipalState) bool {
					return strings.HasPrefix(p.DisplayName, conformance.Prefix)
				})
		}
		done := make(chan struct{})
		var out string
		ctx := untilInterrupted(t.Context())
		// The answers are slow, so that the signal arrives before the checks end.
		s.Tenant.Faults.Add(emulator.Fault{Service: "workspace", Method: "PATCH", Times: -1,
			Delay: 50 * time.Millisecond})
		go func() {
			defer close(done)
			_, out = s.run(ctx, "-write", "-endpoint", s.EndpointName)
		}()
		for !own() {
			select {
			case <-done:
				t.Fatalf("%v: it ended before\n%s", signal, out)
			case <-time.After(time.Millisecond):
			}
		}
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if err := self.Signal(signal); err != nil {
			t.Fatal(err)
		}
		<-done
		now := len(s.Workspace.Snapshot().ServicePrincipals)
		if now != before || own() || !strings.Contains(out, "interrupted") || strings.Contains(out, "left behind") {
			t.Errorf("%v: %d service principals before, %d now\n%s", signal, before, now, out)
		}
	}
}

func TestRunWithoutWorkspaceOrLogin(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for name, change := range map[string]func(map[string]string){
		"no host":      func(env map[string]string) { delete(env, "DBXACCESS_HOST") },
		"no login":     func(env map[string]string) { delete(env, "ARM_CLIENT_SECRET") },
		"wrong secret": func(env map[string]string) { env["ARM_CLIENT_SECRET"] = "wrong-secret" },
	} {
		other := &served{env: map[string]string{}}
		for name, value := range s.env {
			other.env[name] = value
		}
		change(other.env)
		code, out := other.run(t.Context())
		if code != 2 || !strings.HasPrefix(out, "conformance: ") || strings.Contains(out, "wrong-secret") {
			t.Errorf("%s: %d %s", name, code, out)
		}
	}
	if code, out := s.run(t.Context(), "-vault", "http://kv.vault.azure.net"); code != 2 ||
		!strings.Contains(out, "https") {
		t.Errorf("%d %s", code, out)
	}
	if code, out := s.run(t.Context(), "-unknown"); code != 2 || !strings.Contains(out, "usage") {
		t.Errorf("%d %s", code, out)
	}
}

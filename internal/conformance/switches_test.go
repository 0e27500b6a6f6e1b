package conformance_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/conformance"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// undetected holds the emulator's switches that no check can determine, each with the reason.
var undetected = map[string]string{
	"workspace SCIMWrites":               "to meet the limit, a run would have to exhaust it for everybody",
	"workspace SCIMWritesWithin":         "as SCIMWrites",
	"workspace SCIMLimitAs500":           "as SCIMWrites",
	"workspace TokenQuota":               "a run would have to make 600 tokens",
	"workspace TokenListAlwaysThere":     "nobody can tell whether a workspace has ever made a token",
	"workspace DirectUseTakesTokens":     "a run would have to write the list of who may use tokens, and a mistake there deletes tokens",
	"workspace ExpiredToken":             "a run would have to wait an hour for a token to expire",
	"vault RoleAssignmentDelay":          "a run would have to assign roles in Azure",
	"workspace OAuthTokensForStrangers":  "a run would have to know an application of the account that is not in the workspace",
	"workspace EntraAssertions":          "narrowing a token needs a grant on a route-optimized endpoint, which a run does not make",
	"workspace DetailedTokensEverywhere": "as EntraAssertions",
	"workspace OptimizedChecksGrants":    "as EntraAssertions",
	"workspace OptimizedAtWorkspace":     "the model's refusal of an input and that of the address may look alike",
	"workspace PersonalTokenAtOptimized": "a run sends its tokens to the workspace only",
	"workspace EntraTokenAtOptimized":    "as PersonalTokenAtOptimized",
	"workspace DetailsMissing":           "as PersonalTokenAtOptimized",
	"workspace MoreEntitlements":         "an entitlement that the documentation does not list has a name that nobody knows",
	"entra AcceptReplayedAssertion":      "the login keeps its key and its assertions to itself",
	"entra AcceptAssertionWithoutID":     "as AcceptReplayedAssertion",
}

// TestEverySwitchIsDecided checks that a check determines every switch of the emulator, or that undetected contains the
// switch with a reason. It also checks that checks and undetected name only existing switches.
func TestEverySwitchIsDecided(t *testing.T) {
	decided := map[string]bool{}
	for _, check := range conformance.Checks() {
		for _, name := range check.Switches {
			decided[of(check)+" "+name] = true
		}
	}
	there := map[string]bool{}
	for of, switches := range map[string]any{
		"workspace": emulator.WorkspaceSwitches{}, "vault": emulator.VaultSwitches{}, "entra": emulator.Switches{},
	} {
		for field := range reflect.TypeOf(switches).Fields() {
			name := of + " " + field.Name
			there[name] = true
			if decided[name] == (undetected[name] != "") {
				t.Errorf("%s: decided %t, and the reason why not is %q", name, decided[name], undetected[name])
			}
		}
	}
	for name := range decided {
		if !there[name] {
			t.Errorf("there is no %s", name)
		}
	}
	for name := range undetected {
		if !there[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

func of(check conformance.Check) string {
	switch area, _, _ := strings.Cut(check.Name, "/"); area {
	case "keyvault":
		return "vault"
	case "entra":
		return "entra"
	}
	return "workspace"
}

// turned is a switch that the test sets through the emulator's control address, in the words in which the report names
// the switch.
type turned struct{ of, name, value string }

func sw(name, value string) turned { return turned{"workspace", name, value} }

// single holds the switches that the test sets one at a time. If the report must name something else than the switch
// and its value, want lists that.
var single = []struct {
	turned
	want []string // nil means the switch with its value
}{
	{turned: sw("AccessPlaneDelay", `"2s"`)},
	{turned: sw("SCIMStaleFor", `"2s"`)},
	{turned: sw("GrantDelay", `"2s"`)},
	{turned: sw("LastUsedDelay", `"-1ns"`)},
	{turned: sw("PatchNeverLowers", `true`)},
	{turned: sw("PatchShowsPart", `true`)},
	{turned: sw("EmptyPatchRefused", `true`)},
	{turned: sw("UserNameEchoed", `true`)},
	{turned: sw("InheritedFromObject", `"/serving-endpoints/root"`)},
	{turned: sw("DeletedListGone", `true`)},
	{turned: sw("DeletedListReadOnly", `true`)},
	{turned: sw("StaleGrantsShown", `true`)},
	{turned: sw("UsersMayUseTokens", `true`)},
	{turned: sw("PersonalAccessTokensOff", `true`)},
	{turned: sw("MaxTokenLifetimeDays", `90`)},
	{turned: sw("DefaultTokenLifetimeDays", `-1`)},
	{turned: sw("DefaultTokenLifetimeDays", `30`)},
	{turned: sw("NoTokenUpdates", `true`)},
	{turned: sw("KnownTokenScopes", `["all-apis"]`)},
	{turned: sw("HideExpiredTokens", `true`)},
	{turned: sw("DefaultDisplayName", `"somebody"`)},
	{turned: sw("DuplicateAsUser", `true`)},
	{turned: sw("EmptyNotFound", `true`)},
	{turned: sw("SCIMPageSize", `1`)},
	{turned: sw("PatchAnswersEmpty", `true`)},
	{turned: sw("SCIMWritesAnswerNothing", `true`)},
	{turned: sw("RenameByPatch", `"refused"`)},
	{turned: sw("RenameByPatch", `"ignored"`)},
	{turned: sw("RenameByPut", `"refused"`)},
	{turned: sw("RenameByPut", `"ignored"`)},
	{turned: sw("IdentityFederation", `true`)},
	{turned: sw("ServicePrincipalsAdminOnly", `true`)},
	{turned: sw("OrgIDHeader", `"me"`)},
	{turned: sw("OrgIDHeader", `"none"`)},
	{turned: sw("HostMetadata", `"missing"`)},
	{turned: sw("HostMetadata", `"without_workspace_id"`)},
	{turned: sw("Network", `"ip_access_list"`)},
	{turned: sw("Network", `"network_policy"`)},
	{turned: sw("Network", `"network_policy_plain"`)},
	{turned: sw("Network", `"private_link"`)},
	{turned: sw("NotAMember", `"html"`)},
	{turned: sw("NotAMember", `"unauthorized"`)},
	{turned: sw("PlainAuthTexts", `true`)},
	{turned: sw("SCIMDuplicate", `{"Status":400}`)},
	{turned: sw("AccountGroup", `{"Status":400}`)},
	{turned: sw("SCIMNotFound", `{"Message":"{} is nobody"}`)},
	{turned: sw("UnknownPrincipal", `{"Code":"BAD_REQUEST","Status":400}`)},
	{turned: sw("NotAnEndpointID", `{"Code":"BAD_REQUEST"}`)},
	{turned: sw("UnknownEndpointID", `{"Message":"nothing is {}"}`)},
	{turned: sw("ScoringDenied", `{"Message":"no"}`)},
	{turned: sw("UnknownToken", `{"Code":"RESOURCE_DOES_NOT_EXIST"}`)},
	{turned: sw("RouteOptimizedRefused", `{"Status":403}`),
		want: []string{`workspace switch RouteOptimizedRefused = {"Code":"403","Status":403}`}},
	{turned: sw("TokenLifetimeAbove", `{"Code":"BAD_REQUEST"}`)},
	{turned: sw("OnBehalfOfTokens", `{"Status":403}`)},
	{turned: sw("OAuthMissing", `true`)},
	{turned: sw("OAuthSecretDelay", `"2s"`)},
	{turned: sw("OAuthSecretPageSize", `1`)},
	{turned: sw("OAuthSecretsExpiredShown", `true`)},
	{turned: sw("OAuthSecretScopesIgnored", `true`)},
	{turned: sw("OAuthSecretCreated", `201`)},
	{turned: sw("OAuthTokensForInactive", `true`)},
	{turned: sw("OAuthSecretQuota", `{"Status":429}`)},
	{turned: sw("OAuthSecretLifetimeAbove", `{"Code":"BAD_REQUEST"}`)},
	{turned: sw("OAuthSecretDuration", `{"Code":"MALFORMED_REQUEST"}`)},
	{turned: sw("OAuthSecretsDenied", `{"Message":"no"}`)},
	{turned: sw("OAuthSecretsOfUnknown", `{"Status":400}`)},
	{turned: sw("UnknownOAuthSecret", `{"Code":"NOT_FOUND"}`)},
	{turned: sw("OAuthMalformed", `{"Code":"invalid_authorization_details"}`)},
	{turned: sw("FederationRefused", `{"Status":400}`)},
	{turned: sw("ScopeRefused", `{"Code":"INVALID_SCOPE"}`)},
	{turned: turned{"vault", "VersionsRefused", `true`}},
	{turned: turned{"vault", "Firewall", `true`}},
	{turned: turned{"vault", "RefuseOutsideDates", `true`}},
	{turned: turned{"vault", "LoginWindowsNet", `true`}},
	{turned: turned{"vault", "PurgeProtected", `true`}},
	{turned: turned{"vault", "DeletionDelay", `"2s"`}},
	{turned: turned{"vault", "RecoveryDelay", `"2s"`}},
	{turned: turned{"entra", "RefuseSingleSlashManagement", `true`}},
	{turned: turned{"entra", "TokenTenantErrorName", `"invalid_tenant"`}},
	{turned: turned{"entra", "DescriptionLines", `true`}},
}

// turn sets switches through the emulator's control address, as another process would.
func (l *lab) turn(t *testing.T, switches ...turned) {
	t.Helper()
	bodies := map[string]map[string]json.RawMessage{}
	for _, s := range switches {
		path := map[string]string{
			"workspace": "/workspaces/" + l.Workspace.ID() + "/switches",
			"vault":     "/vaults/" + l.vault.Name() + "/switches",
			"entra":     "/switches",
		}[s.of]
		if bodies[path] == nil {
			bodies[path] = map[string]json.RawMessage{}
		}
		bodies[path][s.name] = json.RawMessage(s.value)
	}
	for path, body := range bodies {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.Post(l.server.ControlURL+path, "application/json", strings.NewReader(string(raw)))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s", path, raw, resp.Status)
		}
	}
}

// described checks that a run with writes names exactly the given switches, finds no wrong statement, and removes
// everything that it created.
func described(t *testing.T, l *lab, want ...string) {
	t.Helper()
	before := l.state(t)
	report := l.run(t.Context(), true)
	var got []string
	for _, s := range report.Switches() {
		got = append(got, s.String())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || report.Code() != 0 {
		t.Errorf("named %q, want %q; code %d", got, want, report.Code())
		for _, r := range report.Results {
			if r.Verdict == conformance.Wrong || r.Verdict == conformance.Failed || len(r.Outcome.Switches) > 0 {
				t.Logf("%s: %s, seen %s", r.Name, r.Verdict, r.Seen)
			}
		}
	}
	if after := l.state(t); after != before || len(report.Left) > 0 {
		t.Errorf("left %q, before:\n%s\nafter:\n%s", report.Left, before, after)
	}
	out := printed(t, report)
	for _, name := range want {
		if !strings.Contains(out, "\n  "+name+"\n") {
			t.Errorf("%s is not printed", name)
		}
	}
}

func (s turned) String() string { return fmt.Sprintf("%s switch %s = %s", s.of, s.name, s.value) }

func TestEachSwitchIsNamed(t *testing.T) {
	t.Parallel()
	for _, tc := range single {
		t.Run(tc.name+strings.Trim(tc.value, `"{}`), func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.turn(t, tc.turned)
			want := tc.want
			if want == nil {
				want = []string{tc.String()}
			}
			described(t, l, want...)
		})
	}
}

// TestThreeSwitchesAreNamed sets three switches and checks that the report names exactly those three.
func TestThreeSwitchesAreNamed(t *testing.T) {
	t.Parallel()
	for _, three := range [][]turned{
		{sw("NoTokenUpdates", `true`), sw("RenameByPatch", `"ignored"`), sw("OrgIDHeader", `"me"`)},
		{sw("PatchNeverLowers", `true`), sw("SCIMWritesAnswerNothing", `true`), {"vault", "VersionsRefused", `true`}},
		{sw("SCIMDuplicate", `{"Status":400}`), sw("LastUsedDelay", `"-1ns"`), {"entra", "DescriptionLines", `true`}},
		{sw("IdentityFederation", `true`), sw("UserNameEchoed", `true`), sw("MaxTokenLifetimeDays", `90`)},
		{sw("DeletedListReadOnly", `true`), sw("EmptyNotFound", `true`), {"vault", "RecoveryDelay", `"2s"`}},
	} {
		t.Run(three[0].name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.turn(t, three...)
			described(t, l, three[0].String(), three[1].String(), three[2].String())
		})
	}
}

// TestVaultWithoutRights checks the switches that describe how a vault refuses requests. A run can determine those only
// if its login has no permission in the vault.
func TestVaultWithoutRights(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.vault.Revoke(l.Deployer.ClientID)
	l.turn(t, turned{"vault", "AccessPolicies", `true`}, turned{"vault", "BodyBeforeRights", `true`})
	described(t, l, "vault switch AccessPolicies = true", "vault switch BodyBeforeRights = true")
}

// TestTokensOff checks that the report also describes how the workspace refuses a token if personal access tokens are
// disabled.
func TestTokensOff(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.turn(t, sw("PersonalAccessTokensOff", `true`), sw("TokensOff", `{"Status":400}`))
	described(t, l, `workspace switch PersonalAccessTokensOff = true`, `workspace switch TokensOff = {"Status":400}`)
}

// TestOnAnEndpointOfSomebodyElse checks a run on an existing endpoint. The run must not change that endpoint's access
// list permanently, and must skip the checks that need an endpoint of the run's own.
func TestOnAnEndpointOfSomebodyElse(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.target.Model, l.target.Endpoint = "", l.EndpointName
	l.Workspace.SetGrant(l.EndpointName, "users", "CAN_VIEW")
	before := l.state(t)
	report := l.run(t.Context(), true)
	for _, r := range report.Results {
		if r.Verdict == conformance.Wrong || r.Verdict == conformance.Failed {
			t.Errorf("%s: %s, seen %s", r.Name, r.Verdict, r.Seen)
		}
	}
	if after := l.state(t); after != before || len(report.Left) > 0 {
		t.Errorf("left %q, before:\n%s\nafter:\n%s", report.Left, before, after)
	}
}

// TestSecondApplicationOfSomebodyElse checks that a run does not change or remove the second application if its service
// principal, active or not, existed before the run.
func TestSecondApplicationOfSomebodyElse(t *testing.T) {
	t.Parallel()
	for _, active := range []bool{true, false} {
		l := newLab(t)
		l.Workspace.AddServicePrincipal(l.second.ClientID, "of somebody else")
		l.Workspace.SetActive(l.second.ClientID, active)
		before := l.state(t)
		report := l.run(t.Context(), true)
		for _, r := range report.Results {
			if r.Verdict == conformance.Wrong || r.Verdict == conformance.Failed {
				t.Errorf("active %t: %s: %s, seen %s", active, r.Name, r.Verdict, r.Seen)
			}
		}
		if after := l.state(t); after != before || len(report.Left) > 0 {
			t.Errorf("active %t: left %q, before:\n%s\nafter:\n%s", active, report.Left, before, after)
		}
	}
}

// TestWithoutAdmin checks that a run whose login is not a workspace admin reports nothing as wrong or failed.
func TestWithoutAdmin(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.Workspace.RemoveFromGroup("admins", l.Deployer.ClientID)
	before := l.state(t)
	start := time.Now()
	report := l.run(t.Context(), true)
	for _, r := range report.Results {
		if r.Verdict == conformance.Wrong || r.Verdict == conformance.Failed {
			t.Errorf("%s: %s, seen %s", r.Name, r.Verdict, r.Seen)
		}
	}
	if after := l.state(t); after != before || len(report.Left) > 0 {
		t.Errorf("left %q after %s, before:\n%s\nafter:\n%s", report.Left, time.Since(start), before, after)
	}
}

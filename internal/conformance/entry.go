package conformance

import (
	"context"
	"fmt"
	"strings"
)

const (
	sourceAuth    = "learn.microsoft.com/azure/databricks/dev-tools/auth, and refusals published by users of the service"
	sourceSDKAuth = "databricks-sdk-go issues 873, 917, 1046"
)

// entryChecks returns the checks about logging in to the workspace and about what the workspace reports about itself.
func entryChecks() []Check {
	return []Check{
		{
			Name:      "entry/network",
			Statement: "The workspace lets this machine's address in.",
			Switches:  []string{"Network"},
			Source:    "learn.microsoft.com/azure/databricks/security/network/front-end/ip-access-list",
			Expected:  "200 from the current user",
			run:       network},
		{
			Name:      "entry/me",
			Statement: "The current user has an id and a user name; a service principal's is its application id.",
			Source:    "docs.databricks.com/api/azure/workspace/currentuser/me",
			Expected:  "id and userName",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.get(ctx, scimPath+"/Me")
				if !a.ok() || a.text("id") == "" || a.text("userName") == "" {
					return byAnswer(a, false)
				}
				return holds("id %s, userName %s", a.text("id"), a.text("userName"))
			}},
		{
			Name:      "entry/org-id",
			Statement: "Answers carry the workspace's id in X-Databricks-Org-Id.",
			Switches:  []string{"OrgIDHeader"},
			Source:    "databricks-sdk-go CurrentWorkspaceID reads it from the current user; others are not recorded",
			Expected:  "on the current user and on the list of endpoints",
			run:       orgID},
		{
			Name:      "entry/host-metadata",
			Statement: "/.well-known/databricks-config tells cloud and workspace id without a login.",
			Switches:  []string{"HostMetadata"},
			Source:    "databricks-sdk-go config/host_metadata.go",
			Expected:  "cloud and workspace_id",
			run:       hostMetadata},
		{
			Name:      "entry/tenant-redirect",
			Statement: "/aad/auth redirects to the tenant's login.",
			Source:    "databricks-sdk-go config/auth_azure*.go",
			Expected:  "302 to https://login…/<tenant>/oauth2/authorize",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.anonymous(ctx, p.target.Host+"/aad/auth")
				return byAnswer(a, a.status == 302 && strings.Contains(a.header.Get("Location"), "/oauth2/authorize"))
			}},
		{
			Name:      "entry/no-credential",
			Statement: "A request without a credential is refused with a numeric code.",
			Source:    sourceAuth,
			Expected:  "401, error_code 401",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.anonymous(ctx, p.target.Host+scimPath+"/Me")
				return byAnswer(a, a.refused(401, "401") && a.numericCode())
			}},
		{
			Name:      "entry/token-id",
			Statement: "A token's id sent as a token is no credential.",
			Source:    sourceAuth,
			Expected:  "401, error_code 401",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.me(ctx, randomHex(32))
				return byAnswer(a, a.refused(401, "401") && a.numericCode())
			}},
		{
			Name:      "entry/unknown-token",
			Statement: "An unknown personal access token is refused with 403 and a numeric code.",
			Switches:  []string{"PlainAuthTexts"},
			Source:    sourceSDKAuth,
			Expected:  "403 Invalid access token. [ReqId: …]",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.me(ctx, "dapi"+randomHex(16)+"-2")
				text := requestID.ReplaceAllString(a.message(), "")
				switch {
				case a.err != nil:
					return failed(a.err)
				case !a.refused(403, "403") || !a.numericCode() || text != "Invalid access token.":
					return wrong("%s", a)
				case text == a.message():
					return open(a.String(), workspaceSwitch("PlainAuthTexts", true))
				}
				return open(a.String())
			}},
		{
			Name:      "entry/wrong-audience",
			Statement: "A token for Azure Resource Manager is refused with a page that names both audiences.",
			Source:    "MicrosoftDocs/azure-docs issue 83517",
			Expected:  "400, a page: Expected aud claim to be …",
			run:       wrongAudience},
		{
			Name:      "entry/no-such-api",
			Statement: "A path that is no API is refused as such.",
			Source:    "databricks-sdk-go apierr tests",
			Expected:  "404 ENDPOINT_NOT_FOUND",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.get(ctx, "/api/2.0/no-such-api-"+randomHex(4))
				return byAnswer(a, a.refused(404, "ENDPOINT_NOT_FOUND"))
			}},
		{
			Name:      "entry/stranger",
			Statement: "A service principal that is not in the workspace is refused at the gate.",
			Switches:  []string{"NotAMember"},
			Source:    "reported by several users of the service, in forms that changed",
			Expected:  "403 JSON, numeric error_code",
			run:       stranger},
	}
}

// privateLinkError is a part of the redirect address with which a workspace answers if it accepts only connections
// through Azure Private Link.
const privateLinkError = "/login.html?error=private-link-validation-error"

// network checks whether the workspace accepts requests from this machine. It is the first check: if the workspace does
// not accept them, every later check of the workspace is skipped.
func network(ctx context.Context, p *probe) Outcome {
	a := p.get(ctx, scimPath+"/Me")
	closed := func(answer string) Outcome {
		p.closed = "the workspace does not let this machine's address in"
		return open(a.String(), workspaceSwitch("Network", answer))
	}
	plain := a.json == nil
	switch message := a.message(); {
	case a.err != nil:
		return failed(a.err)
	case a.ok():
		return open("200")
	case a.status/100 == 3 && strings.Contains(a.header.Get("Location"), privateLinkError):
		return closed("private_link")
	case a.refused(403, "") && strings.HasPrefix(message, "Source IP address: ") && a.numericCode():
		return closed("ip_access_list")
	case a.refused(403, "") && strings.HasPrefix(message, "Unauthorized network access to workspace") && plain:
		return closed("network_policy_plain")
	case a.refused(403, "") && strings.HasPrefix(message, "Unauthorized network access to workspace") &&
		a.numericCode():
		return closed("network_policy")
	}
	p.closed = "the workspace does not answer the login"
	return wrong("%s", a)
}

func orgID(ctx context.Context, p *probe) Outcome {
	me, other := p.get(ctx, scimPath+"/Me"), p.get(ctx, "/api/2.0/serving-endpoints")
	for _, a := range []answer{me, other} {
		if !a.ok() {
			return byAnswer(a, false)
		}
	}
	onMe, onOther := me.header.Get("X-Databricks-Org-Id"), other.header.Get("X-Databricks-Org-Id")
	seen := fmt.Sprintf("current user %q, list of endpoints %q", onMe, onOther)
	switch {
	case onMe != "" && onOther == onMe:
		return open(seen)
	case onMe != "" && onOther == "":
		return open(seen, workspaceSwitch("OrgIDHeader", "me"))
	case onMe == "" && onOther == "":
		return open(seen, workspaceSwitch("OrgIDHeader", "none"))
	}
	return wrong("%s", seen)
}

func hostMetadata(ctx context.Context, p *probe) Outcome {
	a := p.anonymous(ctx, p.target.Host+"/.well-known/databricks-config")
	id, cloud := a.text("workspace_id"), a.text("cloud")
	seen := fmt.Sprintf("%s, workspace_id %q, cloud %q", a, id, cloud)
	switch {
	case a.err != nil:
		return failed(a.err)
	case a.status == 404:
		return open(a.String(), workspaceSwitch("HostMetadata", "missing"))
	case a.ok() && cloud != "" && id != "":
		return open(seen)
	case a.ok() && cloud != "":
		return open(seen, workspaceSwitch("HostMetadata", "without_workspace_id"))
	}
	return wrong("%s", seen)
}

func wrongAudience(ctx context.Context, p *probe) Outcome {
	token, err := p.target.Login(ctx, p.target.ManagementScope)
	if err != nil {
		return skipped("the login gets no token for Azure Resource Manager")
	}
	p.keepSecret(token)
	a := p.me(ctx, token)
	return byAnswer(a, a.status == 400 && a.html() && strings.Contains(a.message(), "Expected aud claim to be"))
}

func stranger(ctx context.Context, p *probe) Outcome {
	a := p.second(ctx, "GET", scimPath+"/Me", nil)
	switch {
	case a.err != nil:
		return failed(a.err)
	case a.ok():
		return skipped("the second application is in the workspace already")
	case a.refused(403, "403") && a.numericCode():
		return open(a.String())
	case a.refused(401, "401") && a.numericCode():
		return open(a.String(), workspaceSwitch("NotAMember", "unauthorized"))
	case a.status == 403 && a.html():
		return open(a.String(), workspaceSwitch("NotAMember", "html"))
	}
	return wrong("%s", a)
}

// unusedID is a SCIM id that no principal and no group has.
const unusedID = "1"

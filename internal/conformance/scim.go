package conformance

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"
)

const (
	sourceSCIM     = "docs.databricks.com/api/azure/workspace/serviceprincipals"
	sourceSDKLists = "databricks-sdk-go service/iam/impl.go, which reads on until a page is empty"
	sourceOfficial = "terraform-provider-databricks scim/resource_service_principal.go and its fixtures"
)

func patchBody(operations ...object) object {
	return object{"schemas": []string{schemaPatch}, "Operations": operations}
}

// scimChecks returns the checks about service principals and groups.
func scimChecks() []Check {
	return []Check{
		{
			Name:      "scim/list",
			Statement: "A list tells totalResults and echoes startIndex.",
			Source:    sourceSCIM + "/list",
			Expected:  "totalResults, startIndex 1, Resources",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.get(ctx, principals+"?startIndex=1&count=5")
				total, ok := a.at("totalResults").(float64)
				if !a.ok() || !ok || a.at("startIndex") != 1.0 || total > 0 && len(a.items("Resources")) == 0 {
					return byAnswer(a, false)
				}
				return holds("totalResults %.0f, startIndex 1, %d Resources", total, len(a.items("Resources")))
			}},
		{
			Name:      "scim/past-the-end",
			Statement: "A page past the end is empty.",
			Source:    sourceSDKLists,
			Expected:  "no Resources",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.get(ctx, principals+"?startIndex=100000&count=5")
				if !a.ok() {
					return byAnswer(a, false)
				}
				if n := len(a.items("Resources")); n > 0 {
					return wrong("%d Resources", n)
				}
				return holds("no Resources")
			}},
		{
			Name:      "scim/page-size",
			Statement: "A page holds as many as are asked for.",
			Switches:  []string{"SCIMPageSize"},
			Source:    "not documented",
			Expected:  "all that there are",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.get(ctx, principals+"?startIndex=1&count=10000&attributes=id")
				total, ok := a.at("totalResults").(float64)
				n := len(a.items("Resources"))
				seen := fmt.Sprintf("%d of %.0f", n, total)
				switch {
				case a.err != nil:
					return failed(a.err)
				case !a.ok() || !ok:
					return wrong("%s", a)
				case n < int(total) && n < 10000:
					return open(seen, workspaceSwitch("SCIMPageSize", n))
				}
				return open(seen)
			}},
		{
			Name:      "scim/filter",
			Statement: "A filter on applicationId finds one; id and applicationId come whatever is asked for.",
			Source:    sourceOfficial,
			Expected:  "one, with id and applicationId",
			run:       scimFilter},
		{
			Name:      "scim/unknown-principal",
			Statement: "A service principal that is not there is a 404 whose status is text.",
			Switches:  []string{"SCIMNotFound", "EmptyNotFound"},
			Source:    "databricks-sdk-py tests/test_errors.py, recorded for groups",
			Expected:  "404 Service principal with id … not found",
			run: func(ctx context.Context, p *probe) Outcome {
				a := p.get(ctx, principals+"/"+unusedID)
				switch {
				case a.status == 404 && len(a.raw) == 0:
					return open(a.String(), workspaceSwitch("EmptyNotFound", true))
				case a.status == 404 && a.text("status") != "404":
					return wrong("%s, status %v", a, a.at("status"))
				}
				return refusal(a, "SCIMNotFound", 404, "", "Service principal with id {} not found", unusedID)
			}},
		{
			Name:      "scim/unknown-group",
			Statement: "A group that is not there is a 404 in SCIM's form.",
			Source:    "databricks-sdk-py tests/test_errors.py",
			Expected:  "404 Group with id … is not found",
			run: func(ctx context.Context, p *probe) Outcome {
				if err := p.needAdmin(ctx); err != nil {
					return failed(err)
				}
				a := p.get(ctx, scimPath+"/Groups/"+unusedID)
				return byAnswer(a, a.status == 404 && (len(a.raw) == 0 || a.text("status") == "404"))
			}},

		{
			Name: "scim/create", Writes: true,
			Statement: "A service principal is created with an application id that Entra ID does not know.",
			Source:    "terraform-provider-databricks scim/service_principal_test.go, which does so on Azure",
			Expected:  "201 with id and applicationId",
			run: func(ctx context.Context, p *probe) Outcome {
				made, err := p.testPrincipal(ctx)
				if err != nil && made.created.status == 0 {
					return failed(err)
				}
				a := made.created
				return byAnswer(a, a.ok() && made.id != "" &&
					strings.EqualFold(a.text("applicationId"), made.applicationID))
			}},
		{
			Name: "scim/visible", Writes: true,
			Statement: "What was written is read at once.",
			Switches:  []string{"SCIMStaleFor"},
			Source:    "databrickslabs/ucx waits up to a minute for it",
			Expected:  "at once",
			run: func(ctx context.Context, p *probe) Outcome {
				made, err := p.testPrincipal(ctx)
				if err != nil {
					return failed(err)
				}
				if !made.shown {
					return open(fmt.Sprintf("not within %s", p.wait), workspaceSwitch("SCIMStaleFor", p.wait.String()))
				}
				return late(made.readAfter, "SCIMStaleFor")
			}},
		{
			Name: "scim/default-name", Writes: true,
			Statement: "Without a name a service principal is called like its application id.",
			Switches:  []string{"DefaultDisplayName"},
			Source:    "not recorded",
			Expected:  "the application id",
			run: func(ctx context.Context, p *probe) Outcome {
				made, err := p.namelessPrincipal(ctx)
				if err != nil {
					return failed(err)
				}
				if name := made.created.text("displayName"); name != made.applicationID {
					return open(name, workspaceSwitch("DefaultDisplayName", name))
				}
				return open("the application id")
			}},
		{
			Name: "scim/duplicate", Writes: true,
			Statement: "A second service principal with the same application id is refused without a scimType.",
			Switches:  []string{"SCIMDuplicate", "DuplicateAsUser"},
			Source:    sourceOfficial + ", which compares the whole text",
			Expected:  "409 Service principal with application ID … already exists.",
			run:       scimDuplicate},
		{
			Name: "scim/patch-answer", Writes: true,
			Statement: "PATCH answers with the object.",
			Switches:  []string{"PatchAnswersEmpty", "SCIMWritesAnswerNothing"},
			Source:    sourceSCIM + "/patch; clients do not read the answer",
			Expected:  "200 with the object",
			run: func(ctx context.Context, p *probe) Outcome {
				return p.writeAnswer(ctx, func(made principal) answer {
					return p.set(ctx, made, "active", true)
				})
			}},
		{
			Name: "scim/put-answer", Writes: true,
			Statement: "PUT answers with the object.",
			Switches:  []string{"SCIMWritesAnswerNothing"},
			Source:    sourceSCIM + "/update; clients do not read the answer",
			Expected:  "200 with the object",
			run: func(ctx context.Context, p *probe) Outcome {
				return p.writeAnswer(ctx, func(made principal) answer { return p.replace(ctx, made, made.name) })
			}},
		{
			Name: "scim/put-without-application-id", Writes: true,
			Statement: "On Azure PUT is refused without the application id.",
			Source:    "terraform-provider-databricks issue 1319",
			Expected:  "400",
			run: func(ctx context.Context, p *probe) Outcome {
				made, err := p.testPrincipal(ctx)
				if err != nil {
					return failed(err)
				}
				body := object{"schemas": []string{schemaServicePrincipal}, "displayName": made.name}
				a := p.send(ctx, "PUT", principals+"/"+made.id, body)
				return byAnswer(a, a.status == 400)
			}},
		{
			Name: "scim/rename-by-patch", Writes: true,
			Statement: "PATCH renames a service principal.",
			Switches:  []string{"RenameByPatch"},
			Source:    "pages of 2022 call the name immutable; terraform-provider-databricks issue 3912 saw it ignored",
			Expected:  "renamed",
			run: func(ctx context.Context, p *probe) Outcome {
				return p.rename(ctx, "RenameByPatch", "renamed-by-patch", func(made principal, name string) answer {
					return p.set(ctx, made, "displayName", name)
				})
			}},
		{
			Name: "scim/rename-by-put", Writes: true,
			Statement: "PUT renames a service principal.",
			Switches:  []string{"RenameByPut"},
			Source:    "terraform-provider-databricks pull request 3523; issue 3912 saw it ignored",
			Expected:  "renamed",
			run: func(ctx context.Context, p *probe) Outcome {
				return p.rename(ctx, "RenameByPut", "renamed-by-put", func(made principal, name string) answer {
					return p.replace(ctx, made, name)
				})
			}},
		{
			Name: "scim/deactivate", Writes: true,
			Statement: `PATCH takes active as [{"value":"false"}].`,
			Source:    "terraform-provider-databricks scim/resource_service_principal_disable_test.go",
			Expected:  "active false",
			run:       deactivate},
		{
			Name: "scim/remove-nothing", Writes: true,
			Statement: "Removing entitlements that are not there is refused as invalidPath.",
			Source:    "terraform-provider-databricks scim/resource_entitlement.go",
			Expected:  "400 invalidPath",
			run: func(ctx context.Context, p *probe) Outcome {
				made, err := p.testPrincipal(ctx)
				if err != nil {
					return failed(err)
				}
				a := p.send(ctx, "PATCH", principals+"/"+made.id,
					patchBody(object{"op": "remove", "path": "entitlements"}))
				return byAnswer(a, a.refused(400, "invalidPath"))
			}},
		{
			Name: "scim/account-group", Writes: true,
			Statement: "The members of a group of the account cannot be changed in a workspace.",
			Switches:  []string{"AccountGroup"},
			Source:    "learn.microsoft.com/azure/databricks/admin/users-groups/groups",
			Expected:  "403 Group … is managed by the account",
			run:       accountGroup},
		{
			Name: "scim/list-for-members", Writes: true,
			Statement: "A member that is no admin sees a reduced list of service principals.",
			Switches:  []string{"ServicePrincipalsAdminOnly"},
			Source:    sourceSCIM + "; reported refused in 2026",
			Expected:  "200",
			run: func(ctx context.Context, p *probe) Outcome {
				if _, err := p.workspaceMember(ctx); err != nil {
					return failed(err)
				}
				a := p.second(ctx, "GET", principals+"?count=1", nil)
				switch {
				case a.err != nil:
					return failed(a.err)
				case a.ok():
					return open("200")
				case a.status == 403:
					return open(a.String(), workspaceSwitch("ServicePrincipalsAdminOnly", true))
				}
				return wrong("%s", a)
			}},
		{
			Name: "scim/groups-for-members", Writes: true,
			Statement: "A member that is no admin may not list groups.",
			Source:    "terraform-provider-databricks changelog, 821",
			Expected:  "403",
			run: func(ctx context.Context, p *probe) Outcome {
				if _, err := p.workspaceMember(ctx); err != nil {
					return failed(err)
				}
				a := p.second(ctx, "GET", scimPath+"/Groups?count=1", nil)
				return byAnswer(a, a.status == 403)
			}},
		{
			Name: "scim/delete", Writes: true,
			Statement: "A service principal that was deleted is a 404, also when it is deleted again.",
			Source:    sourceSCIM + "/delete",
			Expected:  "2xx, then 404 and 404",
			run:       scimDelete},
		{
			Name: "scim/identity-federation", Writes: true,
			Statement: "Adding a deleted service principal again makes a new one.",
			Switches:  []string{"IdentityFederation"},
			Source: "learn.microsoft.com/azure/databricks/admin/users-groups/service-principals: the " +
				"account may keep it",
			Expected: "another id",
			run:      federation},
	}
}

// late returns the outcome for an effect that appeared after a delay. A delay of up to one second counts as no delay.
func late(after time.Duration, name string) Outcome { return lateIn("workspace", after, name) }

func lateIn(of string, after time.Duration, name string) Outcome {
	if after <= time.Second {
		return open("at once")
	}
	rounded := after.Round(time.Second).String()
	return open("after "+rounded, Switch{of, name, rounded})
}

func scimFilter(ctx context.Context, p *probe) Outcome {
	first := p.get(ctx, principals+"?startIndex=1&count=1").items("Resources")
	if len(first) == 0 {
		return skipped("needs a service principal in the workspace")
	}
	id, _ := first[0]["applicationId"].(string)
	a := p.get(ctx, principals+"?attributes=displayName&filter="+
		url.QueryEscape(fmt.Sprintf("applicationId eq %q", id)))
	found := a.items("Resources")
	if !a.ok() || len(found) != 1 || found[0]["applicationId"] != id || found[0]["id"] == nil {
		return byAnswer(a, false)
	}
	return holds("one, with id and applicationId")
}

func scimDuplicate(ctx context.Context, p *probe) Outcome {
	made, err := p.testPrincipal(ctx)
	if err != nil {
		return failed(err)
	}
	a := p.send(ctx, "POST", principals, servicePrincipal(made.applicationID, made.name))
	if a.ok() && a.text("id") == made.id {
		return wrong("%s: the same one", a)
	}
	const name, text, other = "SCIMDuplicate", "Service principal with application ID {} already exists.",
		"User with email {} already exists in this account"
	asUser := refusal(a, name, 409, "", other, made.applicationID)
	if asUser.Verdict == Open && len(asUser.Switches) == 0 {
		return open(a.String(), workspaceSwitch("DuplicateAsUser", true))
	}
	return refusal(a, name, 409, "", text, made.applicationID)
}

func accountGroup(ctx context.Context, p *probe) Outcome {
	if err := p.needAdmin(ctx); err != nil {
		return failed(err)
	}
	for _, group := range p.get(ctx, scimPath+"/Groups?count=1000").items("Resources") {
		if at(group, "meta", "resourceType") != "Group" {
			continue
		}
		id, _ := group["id"].(string)
		name, _ := group["displayName"].(string)
		// No user has this id. So even a workspace that accepts the request changes nothing.
		add := patchBody(object{"op": "add", "path": "members", "value": []object{{"value": unusedID}}})
		return refusal(p.send(ctx, "PATCH", scimPath+"/Groups/"+id, add), "AccountGroup", 403, "",
			"Group {} is managed by the account and cannot be changed in a workspace.", name)
	}
	return skipped("needs a group of the account in the workspace")
}

func scimDelete(ctx context.Context, p *probe) Outcome {
	made, err := p.namelessPrincipal(ctx)
	if err != nil {
		return failed(err)
	}
	path := principals + "/" + made.id
	if a := p.send(ctx, "DELETE", path, nil); !a.ok() {
		return byAnswer(a, false)
	}
	var read answer
	_, gone := p.eventually(ctx, func() bool {
		read = p.get(ctx, path)
		return read.status == 404
	})
	if again := p.send(ctx, "DELETE", path, nil); !gone || again.status != 404 {
		return wrong("then %s and %s", read, again)
	}
	return holds("then 404 and 404")
}

func federation(ctx context.Context, p *probe) Outcome {
	made, err := p.namelessPrincipal(ctx)
	if err != nil {
		return failed(err)
	}
	if a := p.get(ctx, principals+"/"+made.id); a.status != 404 {
		return skipped("the deletion before it did not show")
	}
	a := p.send(ctx, "POST", principals, servicePrincipal(made.applicationID, p.prefix+"again"))
	switch {
	case a.err != nil:
		return failed(a.err)
	case !a.ok() || a.text("id") == "":
		return wrong("%s", a)
	case a.text("id") == made.id:
		return open("the same id", workspaceSwitch("IdentityFederation", true))
	}
	return open("another id")
}

package emulator

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/serving"
)

func TestServingEndpointLifeWithTheSDK(t *testing.T) {
	ctx := context.Background()
	l := newLab(t, WorkspaceSwitches{})
	api := serving.NewServingEndpoints(l.sdk(l.entraToken(l.member)))
	wait, err := api.Create(ctx, serving.CreateServingEndpoint{Name: "mine",
		Tags:   []serving.EndpointTag{{Key: "team", Value: "a"}},
		Config: &serving.EndpointCoreConfigInput{ServedEntities: []serving.ServedEntityInput{{EntityName: "main.default.iris", EntityVersion: "3", WorkloadSize: "Small", ScaleToZeroEnabled: true}}}})
	if err != nil {
		t.Fatal(err)
	}
	made, err := wait.Get()
	if err != nil || !isEndpointID(made.Id) || made.Creator != l.member.ClientID ||
		made.PermissionLevel != "CAN_MANAGE" || made.State.Ready != "READY" {
		t.Fatalf("%+v, %v", made, err)
	}
	if entity := made.Config.ServedEntities[0]; entity.Name != "iris-3" ||
		made.Config.TrafficConfig.Routes[0].TrafficPercentage != 100 || entity.State.Deployment != "DEPLOYMENT_READY" {
		t.Errorf("config %+v", made.Config)
	}
	if grants := l.Grants("mine"); len(grants) != 1 || grants[l.member.ClientID] != "CAN_MANAGE" {
		t.Errorf("the creator's grant: %v", grants)
	}
	_, err = api.Create(ctx, serving.CreateServingEndpoint{Name: "mine",
		Config: &serving.EndpointCoreConfigInput{ServedEntities: []serving.ServedEntityInput{{EntityName: "m"}}}})
	var apiErr *apierr.APIError
	if !errors.As(err, &apiErr) || apiErr.StatusCode != 409 || apiErr.ErrorCode != "RESOURCE_ALREADY_EXISTS" {
		t.Errorf("a second one: %v", err)
	}
	// The caller sees foundation models, but not the endpoint of ada.
	l.CreateFoundationEndpoint("databricks-llama")
	names := func() (list []string) {
		all, err := api.ListAll(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range all {
			list = append(list, e.Name)
			if (e.Name == "databricks-llama") != (e.Id == "" && e.Creator == "") {
				t.Errorf("%+v", e)
			}
		}
		return list
	}
	if got := names(); !slices.Equal(got, []string{"databricks-llama", "mine"}) {
		t.Errorf("list %v", got)
	}
	l.SetGrant("iris", "users", "CAN_VIEW")
	if got := names(); !slices.Equal(got, []string{"databricks-llama", "iris", "mine"}) {
		t.Errorf("list with a right to view %v", got)
	}
	if got, err := api.Get(ctx, serving.GetServingEndpointRequest{Name: "iris"}); err != nil ||
		got.PermissionLevel != "CAN_VIEW" {
		t.Errorf("%+v, %v", got, err)
	}
	err = api.Delete(ctx, serving.DeleteServingEndpointRequest{Name: "iris"})
	if !errors.Is(err, apierr.ErrPermissionDenied) {
		t.Errorf("delete with CAN_VIEW: %v", err)
	}
	if err := api.Delete(ctx, serving.DeleteServingEndpointRequest{Name: "mine"}); err != nil {
		t.Error(err)
	}
	if _, err := api.Get(ctx, serving.GetServingEndpointRequest{Name: "mine"}); !errors.Is(err, apierr.ErrNotFound) {
		t.Errorf("after delete: %v", err)
	}
}

func TestServingRefusals(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	admin, member := l.entraToken(l.admin), l.entraToken(l.member)
	const root = "/api/2.0/serving-endpoints"
	if a := l.ask(member, "GET", root, ""); a.status != 200 || a.body != "{}" {
		t.Errorf("nothing to show: %d %s", a.status, a.body)
	}
	l.refused(l.ask(admin, "GET", root+"/tulip", ""), 404, "RESOURCE_DOES_NOT_EXIST",
		"Endpoint with name 'tulip' does not exist.")
	l.refused(l.ask(member, "GET", root+"/iris", ""), 403, "PERMISSION_DENIED", "User does not have permission "+
		"'View' on Endpoint iris")
	l.refused(l.ask(member, "DELETE", root+"/iris", ""), 403, "PERMISSION_DENIED", "User does not have permission "+
		"'Manage' on Endpoint iris")
	l.refused(l.ask(member, "POST", "/serving-endpoints/iris/invocations", "{}"), 403, "PERMISSION_DENIED",
		"User does not have permission 'Query' on Endpoint iris")
	l.refused(l.ask(member, "POST", "/serving-endpoints/tulip/invocations", "{}"), 404, "RESOURCE_DOES_NOT_EXIST",
		"Endpoint with name 'tulip' does not exist.")
	l.refused(l.ask(admin, "POST", root, `{"name":"no config"}`), 400, "INVALID_PARAMETER_VALUE", "Endpoint name "+
		"'no config' must be alphanumeric with hyphens and underscores allowed in between.")
	l.refused(l.ask(admin, "POST", root, `{"name":"x"}`), 400, "INVALID_PARAMETER_VALUE", "The endpoint must have "+
		"at least one served entity.")
	l.SetGrant("iris", l.member.ClientID, "CAN_VIEW")
	l.refused(l.ask(member, "POST", "/serving-endpoints/iris/invocations", `{"instances":[[5,3,1,0.2]]}`), 403,
		"PERMISSION_DENIED", "User does not have permission 'Query' on Endpoint iris")
	l.SetSwitches(WorkspaceSwitches{ScoringDenied: Refusal{Status: 401, Message: "no {}"}})
	l.refused(l.ask(member, "POST", "/serving-endpoints/iris/invocations", `{}`), 401, "PERMISSION_DENIED", "no iris")
}

func TestScaleToZero(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	l.SetGrant("iris", l.member.ClientID, "CAN_QUERY")
	l.ScaleToZero("iris", 2)
	member := l.entraToken(l.member)
	state := func() string { return l.ask(member, "GET", "/api/2.0/serving-endpoints/iris", "").body }
	if !strings.Contains(state(), `"Scaled to zero"`) || !strings.Contains(state(), `"READY"`) {
		t.Errorf("state %s", state())
	}
	for i, want := range []int{504, 504, 200} {
		a := l.ask(member, "POST", "/serving-endpoints/iris/invocations", `{"instances":[[5,3,1,0.2]]}`)
		if a.status != want || want == 504 && (a.body != "upstream request timeout" ||
			!strings.HasPrefix(a.header.Get("Content-Type"), "text/plain")) {
			t.Errorf("call %d: %d %s", i, a.status, a.body)
		}
	}
	if strings.Contains(state(), "Scaled to zero") {
		t.Error("still scaled to zero")
	}
}

func TestFoundationModelAnswersChatOnly(t *testing.T) {
	l := newLab(t, WorkspaceSwitches{})
	l.CreateFoundationEndpoint("databricks-llama")
	member := l.entraToken(l.member)
	a := l.ask(member, "POST", "/serving-endpoints/databricks-llama/invocations",
		`{"messages":[{"role":"user","content":"two words"}]}`)
	if a.status != 200 || !strings.Contains(a.body, "You sent 2 words.") {
		t.Errorf("chat: %d %s", a.status, a.body)
	}
	l.refused(l.ask(member, "POST", "/serving-endpoints/databricks-llama/invocations", `{"instances":[[1]]}`), 400,
		"BAD_REQUEST", "Missing required chat parameter: 'messages'")
	if id, given := l.ask(member, "GET", "/api/2.0/serving-endpoints/databricks-llama", "").json(t)["id"]; given {
		t.Errorf("a foundation model has id %v", id)
	}
}

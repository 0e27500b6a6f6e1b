package servingendpoint

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
)

func TestToModel(t *testing.T) {
	const host = "https://adb-1.2.azuredatabricks.net"
	for name, c := range map[string]struct {
		endpoint client.Endpoint
		holds    func(endpointModel) bool
	}{
		"not ready": {client.Endpoint{ConfigUpdate: "UPDATE_FAILED"}, func(m endpointModel) bool {
			return m.State.ValueString() == "NOT_READY" && m.ConfigUpdate.ValueString() == "UPDATE_FAILED"
		}},
		"ready": {client.Endpoint{Ready: true}, func(m endpointModel) bool { return m.State.ValueString() == "READY" }},
		"no texts": {client.Endpoint{}, func(m endpointModel) bool {
			return m.Description.IsNull() && m.Task.IsNull() && m.ID.IsNull() && m.CreatedAt.IsNull()
		}},
		// Empty, not null, so that a loop over them works.
		"no field is set": {client.Endpoint{}, func(m endpointModel) bool { return !m.Tags.IsNull() && m.ServedEntities != nil }},
		"times are in UTC": {
			client.Endpoint{CreatedAt: time.Date(2026, 3, 1, 1, 0, 0, 0, time.FixedZone("", 3600))},
			func(m endpointModel) bool { return m.CreatedAt.ValueString() == "2026-03-01T00:00:00Z" },
		},
		"plain URL": {
			client.Endpoint{Name: "iris"},
			func(m endpointModel) bool {
				return m.InvocationURL.ValueString() == host+"/serving-endpoints/iris/invocations"
			},
		},
		"route-optimized URL": {
			client.Endpoint{Name: "iris", RouteOptimized: true,
				URL: "https://x.serving.azuredatabricks.net/1/serving-endpoints/iris/invocations"},
			func(m endpointModel) bool {
				return m.RouteOptimized.ValueBool() &&
					m.InvocationURL.ValueString() == "https://x.serving.azuredatabricks.net/1/serving-endpoints/iris/invocations"
			},
		},
		"an external model has no version": {
			client.Endpoint{Entities: []client.ServedEntity{{Name: "gpt"}}},
			func(m endpointModel) bool {
				return len(m.ServedEntities) == 1 && m.ServedEntities[0].EntityVersion.IsNull() &&
					m.ServedEntities[0].ScaleToZero.Equal(types.BoolValue(false))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if m := toModel(c.endpoint, host, "42"); !c.holds(m) {
				t.Errorf("%+v", m)
			}
		})
	}
}

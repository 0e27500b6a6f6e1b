package entratoken

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/fwkit"
)

type tokenModel struct {
	Audience    types.String `tfsdk:"audience"`
	AccessToken types.String `tfsdk:"access_token"`
	ExpiresAt   types.String `tfsdk:"expires_at"`
	Claims      types.String `tfsdk:"claims"`
}

func (m *tokenModel) show(t entraToken) {
	m.AccessToken = types.StringValue(t.Value)
	m.ExpiresAt = fwkit.Time(t.ExpiresAt)
	m.Claims = types.StringValue(t.Claims)
}

// fromJSON converts decoded JSON to the Terraform value of the same shape: object, tuple, string, number, boolean or
// null.
func fromJSON(ctx context.Context, v any) (attr.Value, error) {
	switch v := v.(type) {
	case nil:
		return types.DynamicNull(), nil
	case string:
		return types.StringValue(v), nil
	case bool:
		return types.BoolValue(v), nil
	case float64:
		return types.Float64Value(v), nil
	case []any:
		values, kinds := make([]attr.Value, len(v)), make([]attr.Type, len(v))
		for i, element := range v {
			value, err := fromJSON(ctx, element)
			if err != nil {
				return nil, err
			}
			values[i], kinds[i] = value, value.Type(ctx)
		}
		return types.TupleValueMust(kinds, values), nil
	case map[string]any:
		values, kinds := map[string]attr.Value{}, map[string]attr.Type{}
		for name, member := range v {
			value, err := fromJSON(ctx, member)
			if err != nil {
				return nil, err
			}
			values[name], kinds[name] = value, value.Type(ctx)
		}
		return types.ObjectValueMust(kinds, values), nil
	default:
		return nil, fmt.Errorf("%T is not JSON", v)
	}
}

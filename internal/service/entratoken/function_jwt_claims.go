package entratoken

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
)

type jwtClaims struct{}

func (jwtClaims) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "jwt_claims"
}

func (jwtClaims) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Read the claims of a JWT",
		MarkdownDescription: "Returns the claims of a token as an object: `aud`, `appid`, `tid`, `exp` and so on. " +
			"**Nothing is verified.**",
		Parameters: []function.Parameter{
			function.StringParameter{
				Name: "token",
				MarkdownDescription: "A JWT, such as an access token of Entra ID. A Databricks token (`dapi…`) is " +
					"not a JWT.",
			},
		},
		Return: function.DynamicReturn{},
	}
}

func (jwtClaims) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var token string
	if resp.Error = req.Arguments.Get(ctx, &token); resp.Error != nil {
		return
	}
	text, err := auth.Claims(token)
	if err != nil {
		resp.Error = function.NewArgumentFuncError(
			0,
			"The value is not a JWT, which has three parts, separated by dots. A Databricks token (dapi…) has no "+
				"claims.",
		)
		return
	}
	var claims any
	if err := json.Unmarshal([]byte(text), &claims); err != nil {
		resp.Error = function.NewArgumentFuncError(0, "The token's claims are not JSON.")
		return
	}
	value, err := fromJSON(ctx, claims)
	if err != nil {
		resp.Error = function.NewFuncError(err.Error())
		return
	}
	resp.Error = resp.Result.Set(ctx, types.DynamicValue(value))
}

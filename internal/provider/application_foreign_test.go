package provider_test

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	providerschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// The stand-ins of examples/application do in the emulated tenant what azuread 3.9.0, azurerm 5.2.0 and databricks
// 1.128.0 do in Azure. Their schemas are the attributes that the example uses, as these pages describe them:
// https://registry.terraform.io/providers/hashicorp/azuread/3.9.0/docs
// https://registry.terraform.io/providers/hashicorp/azurerm/5.2.0/docs
// https://registry.terraform.io/providers/databricks/databricks/1.128.0/docs

var (
	required = schema.StringAttribute{Required: true}
	optional = schema.StringAttribute{Optional: true}
	computed = schema.StringAttribute{Computed: true}
	// replaces is a required attribute whose change replaces the resource.
	replaces = schema.StringAttribute{
		Required: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
	}
)

// one returns a block that must be there exactly once, as the SDK of those providers publishes it.
func one(attributes map[string]schema.Attribute, blocks map[string]schema.Block) schema.Block {
	return schema.ListNestedBlock{
		NestedObject: schema.NestedBlockObject{Attributes: attributes, Blocks: blocks},
		Validators:   []validator.List{listvalidator.IsRequired(), listvalidator.SizeBetween(1, 1)},
	}
}

// azure is the tenant that the stand-ins change.
type azure struct {
	w    *acctest.World
	apps map[string]*emulator.App // by the id of the registration
}

func serveAzure(t *testing.T, w *acctest.World, c *acctest.CLI) {
	t.Helper()
	a := &azure{w, map[string]*emulator.App{}}
	acctest.ServeForeign(t, c, acctest.ForeignProvider{
		Source:    "hashicorp/azuread",
		Resources: []acctest.Foreign{a.registration(), a.servicePrincipal(), a.certificate(), a.federation()},
	})
	acctest.ServeForeign(t, c, acctest.ForeignProvider{
		Source: "hashicorp/azurerm",
		Schema: providerschema.Schema{Blocks: map[string]providerschema.Block{
			"features": providerschema.ListNestedBlock{},
		}},
		Resources: []acctest.Foreign{a.vault(), a.role(), a.vaultCertificate()},
		Data: []acctest.ForeignData{{Type: "azurerm_client_config", Values: map[string]string{
			"client_id": w.Deployer.ClientID, "object_id": w.Deployer.ObjectID, "tenant_id": w.Tenant.ID,
			"subscription_id": subscription,
		}}},
	})
	acctest.ServeForeign(t, c, acctest.ForeignProvider{
		Source: "databricks/databricks", Blocks: acctest.OfficialBlocks(),
		Schema: providerschema.Schema{Attributes: map[string]providerschema.Attribute{
			"host": providerschema.StringAttribute{Optional: true},
		}},
		Resources: []acctest.Foreign{a.endpoint()},
	})
}

func (a *azure) registration() acctest.Foreign {
	return acctest.Foreign{
		Type: "azuread_application_registration",
		Schema: schema.Schema{Attributes: map[string]schema.Attribute{
			"display_name": required, "client_id": computed, "object_id": computed,
		}},
		Make: func(plan acctest.ForeignValues) map[string]any {
			app, object := a.w.Tenant.RegisterApp(plan.String("display_name")), uuid.NewString()
			a.apps["/applications/"+object] = app
			return map[string]any{"id": "/applications/" + object, "object_id": object, "client_id": app.ClientID}
		},
		Remove: func(state acctest.ForeignValues) { a.w.Tenant.RemoveApp(state.String("client_id")) },
	}
}

func (a *azure) servicePrincipal() acctest.Foreign {
	return acctest.Foreign{
		Type:   "azuread_service_principal",
		Schema: schema.Schema{Attributes: map[string]schema.Attribute{"client_id": replaces, "object_id": computed}},
		Make: func(plan acctest.ForeignValues) map[string]any {
			app, _ := a.w.Tenant.App(plan.String("client_id"))
			return map[string]any{"id": "/servicePrincipals/" + app.ObjectID, "object_id": app.ObjectID}
		},
		Remove: func(acctest.ForeignValues) {}, // the emulated tenant removes it with the application
	}
}

func (a *azure) certificate() acctest.Foreign {
	registered := func(values acctest.ForeignValues) *x509.Certificate {
		der, err := hex.DecodeString(values.String("value"))
		if err != nil {
			panic(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			panic(err)
		}
		return cert
	}
	return acctest.Foreign{
		Type: "azuread_application_certificate",
		Schema: schema.Schema{Attributes: map[string]schema.Attribute{
			"application_id": replaces, "type": required, "encoding": optional, "start_date": optional, "end_date": optional,
			"value": schema.StringAttribute{Required: true, Sensitive: true, PlanModifiers: replaces.PlanModifiers},
		}},
		Make: func(plan acctest.ForeignValues) map[string]any {
			app := a.apps[plan.String("application_id")]
			app.AddCertificate(registered(plan))
			return map[string]any{"id": app.ObjectID + "/certificate/" + uuid.NewString()}
		},
		Remove: func(state acctest.ForeignValues) {
			a.apps[state.String("application_id")].RemoveCertificate(registered(state))
		},
	}
}

func (a *azure) federation() acctest.Foreign {
	return acctest.Foreign{
		Type: "azuread_application_federated_identity_credential",
		Schema: schema.Schema{Attributes: map[string]schema.Attribute{
			"application_id": replaces, "display_name": required, "issuer": required, "subject": required,
			"audiences": schema.ListAttribute{Required: true, ElementType: types.StringType},
		}},
		Make: func(plan acctest.ForeignValues) map[string]any {
			var audiences []string
			plan.Get("audiences", &audiences)
			app := a.apps[plan.String("application_id")]
			app.AddFederatedCredential(plan.String("issuer"), plan.String("subject"), audiences[0])
			return map[string]any{"id": app.ObjectID + "/federatedIdentityCredential/" + uuid.NewString()}
		},
		Remove: func(state acctest.ForeignValues) {
			a.apps[state.String("application_id")].RemoveFederatedCredentials()
		},
	}
}

// subscription is the id of the subscription that contains everything.
const subscription = "00000000-0000-0000-0000-000000000000"

func (a *azure) vault() acctest.Foreign {
	return acctest.Foreign{
		Type: "azurerm_key_vault",
		Schema: schema.Schema{Attributes: map[string]schema.Attribute{
			"name": required, "location": required, "resource_group_name": required, "tenant_id": required,
			"sku_name": required, "rbac_authorization_enabled": schema.BoolAttribute{Required: true}, "vault_uri": computed,
		}},
		Make: func(plan acctest.ForeignValues) map[string]any {
			name, group := plan.String("name"), plan.String("resource_group_name")
			id := "/subscriptions/" + subscription + "/resourceGroups/" + group +
				"/providers/Microsoft.KeyVault/vaults/" + name
			return map[string]any{"id": id, "vault_uri": a.w.Tenant.NewVault(name).URL() + "/"}
		},
		Remove: func(state acctest.ForeignValues) { a.w.Tenant.RemoveVault(state.String("name")) },
	}
}

func (a *azure) role() acctest.Foreign {
	return acctest.Foreign{
		Type: "azurerm_role_assignment",
		Schema: schema.Schema{Attributes: map[string]schema.Attribute{
			"scope": required, "role_definition_name": optional, "principal_id": required,
			"skip_service_principal_aad_check": schema.BoolAttribute{Optional: true},
		}},
		Make: func(plan acctest.ForeignValues) map[string]any {
			scope := plan.String("scope")
			vault := a.w.Tenant.Vault(path.Base(scope))
			vault.Allow(plan.String("principal_id"), plan.String("role_definition_name"))
			return map[string]any{"id": scope + "/providers/Microsoft.Authorization/roleAssignments/" +
				uuid.NewString()}
		},
		Remove: func(state acctest.ForeignValues) {
			a.w.Tenant.Vault(path.Base(state.String("scope"))).Revoke(state.String("principal_id"))
		},
	}
}

func (a *azure) endpoint() acctest.Foreign {
	return acctest.Foreign{
		Type: "databricks_model_serving",
		Schema: schema.Schema{
			Attributes: map[string]schema.Attribute{
				"name": required, "serving_endpoint_id": computed, "endpoint_url": computed,
			},
			Blocks: map[string]schema.Block{"config": one(nil, map[string]schema.Block{
				"served_entities": one(map[string]schema.Attribute{
					"name": optional, "entity_name": optional, "entity_version": optional, "workload_size": optional,
					"scale_to_zero_enabled": schema.BoolAttribute{Optional: true},
				}, nil),
			})},
		},
		Make: func(plan acctest.ForeignValues) map[string]any {
			name := plan.String("name")
			return map[string]any{
				"id": name, "serving_endpoint_id": a.w.Workspace.CreateEndpoint(name, a.w.Deployer.ClientID),
				"endpoint_url": "https://" + a.w.Workspace.HostName() + "/serving-endpoints/" + name + "/invocations",
			}
		},
		Remove: func(state acctest.ForeignValues) { a.w.Workspace.DeleteEndpoint(state.String("name")) },
	}
}

func (a *azure) vaultCertificate() acctest.Foreign {
	dates := map[string]attr.Type{"created": types.StringType, "expires": types.StringType,
		"not_before": types.StringType}
	type attributes struct {
		Created   string `tfsdk:"created"`
		Expires   string `tfsdk:"expires"`
		NotBefore string `tfsdk:"not_before"`
	}
	shown := func(v *emulator.Vault, name string) map[string]any {
		cert := v.Certificate(name)
		at := func(moment time.Time) string { return moment.UTC().Format(time.RFC3339) }
		return map[string]any{
			"certificate_data":        hex.EncodeToString(cert.Raw),
			"certificate_data_base64": base64.StdEncoding.EncodeToString(cert.Raw),
			"thumbprint":              fmt.Sprintf("%X", sha1.Sum(cert.Raw)),
			"certificate_attribute":   []attributes{{at(cert.NotBefore), at(cert.NotAfter), at(cert.NotBefore)}},
		}
	}
	return acctest.Foreign{
		Type: "azurerm_key_vault_certificate",
		Schema: schema.Schema{
			Attributes: map[string]schema.Attribute{
				"name": required, "key_vault_id": required,
				"certificate_data": computed, "certificate_data_base64": computed, "thumbprint": computed,
				"certificate_attribute": schema.ListAttribute{Computed: true, ElementType: types.ObjectType{AttrTypes: dates}},
			},
			Blocks: map[string]schema.Block{"certificate_policy": one(nil, map[string]schema.Block{
				"issuer_parameters": one(map[string]schema.Attribute{"name": required}, nil),
				"key_properties": one(map[string]schema.Attribute{
					"exportable": schema.BoolAttribute{Required: true}, "key_type": required,
					"key_size": schema.Int64Attribute{Optional: true}, "reuse_key": schema.BoolAttribute{Required: true},
				}, nil),
				"secret_properties": one(map[string]schema.Attribute{"content_type": required}, nil),
				"x509_certificate_properties": one(map[string]schema.Attribute{
					"subject": required, "key_usage": schema.SetAttribute{Required: true, ElementType: types.StringType},
					"validity_in_months": schema.Int64Attribute{Required: true},
				}, nil),
				"lifetime_action": one(nil, map[string]schema.Block{
					"action":  one(map[string]schema.Attribute{"action_type": required}, nil),
					"trigger": one(map[string]schema.Attribute{"days_before_expiry": schema.Int64Attribute{Optional: true}}, nil),
				}),
			})},
		},
		Make: func(plan acctest.ForeignValues) map[string]any {
			name, v := plan.String("name"), a.w.Tenant.Vault(path.Base(plan.String("key_vault_id")))
			a.issue(v, name)
			values := shown(v, name)
			values["id"] = v.URL() + "/certificates/" + name
			return values
		},
		Read: func(state acctest.ForeignValues) map[string]any {
			return shown(a.w.Tenant.Vault(path.Base(state.String("key_vault_id"))), state.String("name"))
		},
		Remove: func(acctest.ForeignValues) {}, // the vault removes it
	}
}

// issue adds a new version of a certificate to the vault.
func (a *azure) issue(v *emulator.Vault, name string) {
	now := time.Now()
	cert, key, err := a.w.Tenant.IssueClientCertificate(name, now.Add(-time.Hour), now.AddDate(1, 0, 0))
	if err != nil {
		panic(err)
	}
	v.ImportCertificate(name, key, cert, emulator.CertificatePKCS12)
}

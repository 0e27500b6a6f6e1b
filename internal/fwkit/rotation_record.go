package fwkit

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/client"
	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/rotation"
)

// RotatingModel is the model of a credential that is rotated.
type RotatingModel interface {
	// Rotating returns the attributes that take part in a rotation, and SetRotating writes them.
	Rotating() Rotating
	SetRotating(Rotating)
	String() string
}

// SetPrevious calls [Rotating.SetPrevious] for the plan of a new credential.
func SetPrevious(plan, state RotatingModel, v rotation.Verdict, created time.Time) {
	r := plan.Rotating()
	r.SetPrevious(state.Rotating(), v, created)
	plan.SetRotating(r)
}

// EndOverlap writes into a model that there is no previous credential.
func EndOverlap(m RotatingModel) {
	r := m.Rotating()
	r.PreviousID, r.PreviousAt = types.StringNull(), types.StringNull()
	m.SetRotating(r)
}

// RotationRecord is what a creation or an update records about a credential, each time before another step can fail:
// state, identity and private state.
type RotationRecord struct {
	RotationMemory
	Diags *diag.Diagnostics

	client        *client.Client
	cannotDisable string
	state         *tfsdk.State
	identity      *tfsdk.ResourceIdentity
	private       WritablePrivate
}

// CreateRecord returns the record of a creation.
func CreateRecord(resp *resource.CreateResponse) *RotationRecord {
	return &RotationRecord{
		RotationMemory: RotationMemory{StoredVersions: map[string]rotation.StoredVersion{}}, Diags: &resp.Diagnostics,
		state: &resp.State, identity: resp.Identity, private: resp.Private,
	}
}

// UpdateRecord returns the record of an update. cannotDisable is the summary of the warning that a version in Key Vault
// could not be disabled.
func UpdateRecord(
	ctx context.Context,
	c *client.Client,
	cannotDisable string,
	req resource.UpdateRequest,
	resp *resource.UpdateResponse,
) *RotationRecord {
	return &RotationRecord{
		RotationMemory: RecallRotation(ctx, req.Private, &resp.Diagnostics), Diags: &resp.Diagnostics,
		client: c, cannotDisable: cannotDisable,
		state: &resp.State, identity: resp.Identity, private: resp.Private,
	}
}

// Save records the credential of a model.
func (r *RotationRecord) Save(ctx context.Context, m RotatingModel) {
	Save(ctx, r.state, r.identity, m, r.Diags)
	r.Store(ctx, r.private, r.Diags)
}

// OpenStore opens the secret for the value of a new credential that replaces the one of the state; see
// [rotation.OpenStore]. If the vault is new, the same apply may have just assigned a role for it. Only then is it worth
// waiting for the role.
func (r *RotationRecord) OpenStore(
	ctx context.Context,
	want *rotation.Secret,
	plan, state RotatedModel,
) (*rotation.Store, error) {
	patient := !plan.KeyVaultSecret.SameSecret(state.KeyVaultSecret)
	return rotation.OpenStore(ctx, r.client, want, slices.Collect(maps.Values(r.StoredVersions)), patient)
}

// Created records a credential that was just created, and where its value is: in the state, in Key Vault, or in both.
// The value can never be read again.
func (r *RotationRecord) Created(ctx context.Context, m RotatingModel, value string, v auth.SecretVersion) {
	shown := m.Rotating()
	shown.Value = types.StringNull()
	if shown.ValueInState.ValueBool() {
		shown.Value = types.StringValue(value)
	}
	if s := shown.KeyVaultSecret; s != nil {
		s.ID, s.VersionlessID = String(v.URL), String(v.VersionlessURL)
		if v.ID != "" {
			r.StoredVersions[shown.ID.ValueString()] = rotation.StoredVersion{
				VaultURI: s.VaultURI.ValueString(), Name: s.Name.ValueString(), Version: v.ID,
			}
		}
	}
	m.SetRotating(shown)
	r.Save(ctx, m)
}

// CleanUp calls [RotationMemory.DisableOthers], and records the credential of a model. object names it in warnings.
func (r *RotationRecord) CleanUp(ctx context.Context, m RotatingModel, object string) {
	r.DisableOthers(ctx, r.client, m.Rotating(), r.cannotDisable, object, r.Diags)
	r.Save(ctx, m)
}

// Step records a step of a rotation. now says which credentials are live after it. value and v belong to the new
// credential, which plan describes.
func (r *RotationRecord) Step(
	ctx context.Context,
	now rotation.Status,
	state, plan RotatingModel,
	value string,
	v auth.SecretVersion,
) {
	if now.ID == state.Rotating().ID.ValueString() {
		// The previous credential is revoked, and the new one does not exist yet.
		EndOverlap(state)
		r.CleanUp(ctx, state, state.String())
		return
	}
	if now.Previous == "" { // the replaced credential is revoked
		EndOverlap(plan)
	}
	r.Verdict, r.Imported = rotation.Verdict{}, false // they were about the credential that is replaced
	if now.Unusable {
		r.Verdict = rotation.Verdict{ID: now.ID, Reason: rotation.Vault, Unusable: true}
	}
	r.Created(ctx, plan, value, v)
}

// SaveSettled records that the credential is as the plan demands, so that no verdict about it is left.
func (r *RotationRecord) SaveSettled(ctx context.Context, plan RotatingModel) {
	r.Verdict, r.Imported = rotation.Verdict{}, false
	r.Save(ctx, plan)
}

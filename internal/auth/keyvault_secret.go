package auth

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// The kinds of failure of a [Vault], to be tested with errors.Is.
var (
	// ErrNoSecret means that the vault has no secret of that name, or only a deleted secret.
	ErrNoSecret = errors.New("no such secret")
	// ErrNotPermitted means that the vault knows the caller, but that the caller lacks the permission. For some minutes
	// after a role was assigned, the vault may still return this error.
	ErrNotPermitted = errors.New("not permitted by the vault")
	// ErrInTransition means that the secret is being deleted or recovered, which takes seconds. Until then the vault
	// lists it neither among the secrets nor among the deleted secrets.
	ErrInTransition = errors.New("the secret is being deleted or recovered")
)

// Vault is a client for one Azure Key Vault. It writes secrets and manages their versions. Only [Vault.ReadSecret]
// reads the value of a secret. Errors are *[Error].
type Vault struct{ *vault }

// SecretVersion is one version of a secret, without its value.
type SecretVersion struct {
	// ID is the id of the version, 32 hexadecimal digits. URL is the address of the version. VersionlessURL is the
	// address of the newest version, whichever version that is.
	ID, URL, VersionlessURL string
	Enabled                 bool
	Created                 time.Time // with a precision of one second
	ContentType             string
	Tags                    map[string]string
}

// NewSecret is a version of a secret that is to be written.
type NewSecret struct {
	Name, Value, ContentType string
	Tags                     map[string]string
	Expires                  time.Time // zero if the version never expires
}

// Host returns the vault's host name.
func (v *Vault) Host() string { return v.host }

// Versions returns the versions of a secret, newest first. If the secret has no version, the error is [ErrNoSecret].
// Versions makes one request per 25 versions, and one more at the first call of a vault.
// https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret-versions
func (v *Vault) Versions(ctx context.Context, name string) ([]SecretVersion, error) {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	var versions []SecretVersion
	seen := map[string]bool{}
	for pages := v.client.NewListSecretPropertiesVersionsPager(name, nil); pages.More(); {
		page, err := pages.NextPage(ctx)
		if err == nil {
			err = v.pageOf(name, page, seen)
		}
		if err != nil {
			return nil, v.explainUse(toList, name, err)
		}
		for _, p := range page.Value {
			versions = append(versions, secretVersion(p.ID, p.Attributes, p.ContentType, p.Tags))
		}
	}
	if len(versions) == 0 { // a vault may return an empty list for a missing secret
		missing := errorAt(v.settings.VaultURI.Attribute, summaryNoSecret, "%s", v.noSecretText(name))
		return nil, missing.withCause(ErrNoSecret)
	}
	slices.SortStableFunc(versions, func(a, b SecretVersion) int { return b.Created.Compare(a.Created) })
	return versions, nil
}

// KnownVersions is like [Vault.Versions], for a secret that existed before. While a secret is being deleted or
// recovered, it is for some seconds neither among the secrets nor among the deleted secrets. So the error is
// [ErrNoSecret] only if the secret is among the deleted secrets, or is still missing at a second read. For a missing
// secret, KnownVersions makes one more request if the secret is deleted, else two more requests with a pause between
// them.
func (v *Vault) KnownVersions(ctx context.Context, name string) ([]SecretVersion, error) {
	versions, err := v.Versions(ctx, name)
	if !errors.Is(err, ErrNoSecret) {
		return versions, err
	}
	if deleted, lookErr := v.IsDeleted(ctx, name); lookErr == nil && deleted {
		return nil, err
	}
	if web.Pause(ctx, transition) != nil {
		return nil, errorAt("", "Reading of Key Vault was interrupted",
			"The operation ended before the provider could find out whether secret %s in Key Vault %s was deleted.",
			name, v.host).withCause(ctx.Err())
	}
	return v.Versions(ctx, name)
}

// transition is the pause before a missing secret is read a second time. It is longer than a deletion or a recovery
// takes.
const transition = 3 * time.Second

// IsDeleted reports whether a secret of that name is deleted but can still be recovered, so that the name cannot be
// used. It makes one request.
// https://learn.microsoft.com/rest/api/keyvault/secrets/get-deleted-secret
func (v *Vault) IsDeleted(ctx context.Context, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	answer, err := v.client.GetDeletedSecret(ctx, name, nil)
	if err == nil {
		err = v.checkID(vaultRequest{method: http.MethodGet, folder: "/deletedsecrets/", secret: name}, answer.ID)
	}
	if err == nil {
		return true, nil
	}
	if refusal := v.explainUse(toList, name, err); !errors.Is(refusal, ErrNoSecret) {
		return false, refusal
	}
	return false, nil
}

// CheckMayWrite returns an error if the caller may not write the secret. It writes nothing, because it sends no value.
// The vault refuses a missing value as a bad request, but only after it has checked the caller's permission.
// CheckMayWrite makes one request.
// https://learn.microsoft.com/rest/api/keyvault/secrets/set-secret
func (v *Vault) CheckMayWrite(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	_, err := v.client.SetSecret(ctx, name, azsecrets.SetSecretParameters{}, nil)
	if refusal, ok := errors.AsType[*azcore.ResponseError](err); ok && refusal.StatusCode == http.StatusBadRequest &&
		refusal.ErrorCode != "" {
		return nil
	}
	if err != nil {
		return v.explainUse(toWrite, name, err)
	}
	return errorAt(v.settings.VaultURI.Attribute, "Key Vault accepted a secret without a value",
		"%s accepted the secret %s without a value. No Key Vault does that, so something else, such as a proxy, may "+
			"have answered. Check vault_uri.", v.host, name)
}

// lastAnswer is how long a stopped run still waits for the answer to a write. If the vault stored the value after the
// run has looked for it, the version would stay enabled with a credential that is revoked.
const lastAnswer = 3 * time.Second

// Write adds a version to a secret, or creates the secret. mark is the name of a tag of s. By this tag Write finds a
// version whose response was lost, so that it does not write the version twice. It makes one request. After a lost
// response it makes one request to list the versions, and one request to write again.
// https://learn.microsoft.com/rest/api/keyvault/secrets/set-secret
func (v *Vault) Write(ctx context.Context, s NewSecret, mark string) (SecretVersion, error) {
	const tries = 4
	web.Conceal(s.Value)
	parameters := azsecrets.SetSecretParameters{
		Value:            &s.Value,
		Tags:             pointers(s.Tags),
		SecretAttributes: &azsecrets.SecretAttributes{},
	}
	if s.ContentType != "" {
		parameters.ContentType = &s.ContentType
	}
	if !s.Expires.IsZero() {
		parameters.SecretAttributes.Expires = &s.Expires
	}
	a := vaultRequest{method: http.MethodPut, secret: s.Name}
	for try := 1; ; try++ {
		// The Azure library itself would send a failed request again, and leave a second version.
		sending, end := web.Outlive(ctx, lastAnswer)
		if ctx.Err() != nil {
			end() // the run was stopped before, so nothing is sent any more
		}
		once := policy.WithRetryOptions(sending, policy.RetryOptions{MaxRetries: -1, TryTimeout: 30 * time.Second})
		answer, err := v.client.SetSecret(once, s.Name, parameters, nil)
		end()
		if err == nil {
			err = v.checkID(a, answer.ID)
		}
		if err == nil {
			written := secretVersion(answer.ID, answer.Attributes, answer.ContentType, answer.Tags)
			if written.matches(s, mark) {
				return written, nil
			}
			err = v.mismatch(a, "a version that is disabled or has other tags")
		}
		refusal, answered := errors.AsType[*azcore.ResponseError](err)
		_, noLogin := errors.AsType[*readerError](err)
		_, stranger := errors.AsType[*web.NoAnswer](err)
		final := noLogin || answered && refusal.StatusCode < 500 && refusal.StatusCode != http.StatusTooManyRequests ||
			!answered && !stranger && wrongAddress(err)
		if !final {
			versions, lookErr := v.Versions(context.WithoutCancel(ctx), s.Name)
			for _, written := range versions {
				if written.matches(s, mark) {
					return written, nil
				}
			}
			// A server that answered in place of the vault would do so again, so a retry cannot help.
			final = stranger || lookErr != nil && !errors.Is(lookErr, ErrNoSecret)
		}
		failed := v.explainUse(toWrite, s.Name, err)
		final = final && !errors.Is(failed, ErrInTransition)
		if final || try == tries || web.Pause(ctx, backoff(try)) != nil {
			return SecretVersion{}, failed
		}
	}
}

// Change sets the content type and the tags of a version of a secret. It makes one request.
// https://learn.microsoft.com/rest/api/keyvault/secrets/update-secret
func (v *Vault) Change(ctx context.Context, name, version, contentType string, tags map[string]string) error {
	to := azsecrets.UpdateSecretPropertiesParameters{ContentType: &contentType, Tags: pointers(tags)}
	return v.update(ctx, name, version, to, "the version as it was before", func(s SecretVersion) bool {
		return s.ContentType == contentType && maps.Equal(s.Tags, tags)
	})
}

// Disable disables a version of a secret. It returns no error if the version does not exist. It makes one request.
// https://learn.microsoft.com/rest/api/keyvault/secrets/update-secret
func (v *Vault) Disable(ctx context.Context, name, version string) error {
	no := false
	to := azsecrets.UpdateSecretPropertiesParameters{SecretAttributes: &azsecrets.SecretAttributes{Enabled: &no}}
	err := v.update(ctx, name, version, to, "a version that is not disabled", func(s SecretVersion) bool {
		return !s.Enabled
	})
	if errors.Is(err, ErrNoSecret) {
		return nil
	}
	return err
}

// update changes a version of a secret. It returns an error unless changed accepts the version in the answer. otherwise
// describes a version that changed does not accept.
func (v *Vault) update(
	ctx context.Context, name, version string, to azsecrets.UpdateSecretPropertiesParameters, otherwise string,
	changed func(SecretVersion) bool,
) error {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	a := vaultRequest{method: http.MethodPatch, secret: name, version: version}
	answer, err := v.client.UpdateSecretProperties(ctx, name, version, to, nil)
	if err == nil {
		err = v.checkID(a, answer.ID)
	}
	if err == nil && !changed(secretVersion(answer.ID, answer.Attributes, answer.ContentType, answer.Tags)) {
		err = v.mismatch(a, otherwise)
	}
	if err != nil {
		return v.explainUse(toChange, name, err)
	}
	return nil
}

func secretVersion(
	id *azsecrets.ID, attributes *azsecrets.SecretAttributes, contentType *string, tags map[string]*string,
) SecretVersion {
	out := SecretVersion{Tags: map[string]string{}}
	if id != nil {
		out.ID, out.URL = id.Version(), string(*id)
		out.VersionlessURL = strings.TrimSuffix(out.URL, "/"+out.ID)
	}
	if attributes != nil {
		out.Enabled = attributes.Enabled == nil || *attributes.Enabled
		if attributes.Created != nil {
			out.Created = attributes.Created.UTC()
		}
	}
	if contentType != nil {
		out.ContentType = *contentType
	}
	for name, value := range tags {
		if value != nil {
			out.Tags[name] = *value
		}
	}
	return out
}

func pointers(values map[string]string) map[string]*string {
	out := map[string]*string{}
	for name, value := range values {
		out[name] = &value
	}
	return out
}

// Settled calls do and returns its error. While that error is [ErrInTransition], Settled calls do again every second,
// until ctx ends or the retry timeout has passed.
func (v *Vault) Settled(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	for {
		err := do()
		if !errors.Is(err, ErrInTransition) || web.Pause(ctx, time.Second) != nil {
			return err
		}
		tflog.Info(ctx, "Key Vault is deleting or recovering a secret, so the provider tries again",
			map[string]any{"key_vault": v.host})
	}
}

// Await calls do, which needs a permission that may have been granted a moment ago, and returns its error. While that
// error is [ErrNotPermitted], Await calls do again, as long as ctx allows. It writes each retry to the log.
func (v *Vault) Await(ctx context.Context, do func() error) error {
	began, pause := time.Now(), time.Second
	for {
		err := do()
		if !errors.Is(err, ErrNotPermitted) {
			return err
		}
		if end, limited := ctx.Deadline(); limited && time.Now().Add(pause).After(end) {
			return err
		}
		tflog.Info(ctx, "Key Vault refuses the provider's identity; a new role assignment may not have taken effect "+
			"yet, so the provider tries again", map[string]any{
			"key_vault":      v.host,
			"waited_seconds": int(time.Since(began).Seconds()),
			"pause_seconds":  int(pause.Seconds()),
		})
		if web.Pause(ctx, pause) != nil {
			return err
		}
		pause = min(2*pause, 15*time.Second)
	}
}

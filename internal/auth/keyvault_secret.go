package auth

import (
	"context"
	"errors"
	"fmt"
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

// Kinds of failure of a [Vault], to be tested with errors.Is.
var (
	// ErrNoSecret: the vault has no secret of that name, or only a deleted one.
	ErrNoSecret = errors.New("no such secret")
	// ErrMayNot: the vault knows the caller, but the caller lacks the permission. For some minutes after a role was
	// assigned, the vault may still answer this.
	ErrMayNot = errors.New("not permitted by the vault")
	// ErrInTransition: the secret is being deleted or recovered, which takes
	// seconds. Until then it is neither there nor among the deleted ones.
	ErrInTransition = errors.New("the secret is being deleted or recovered")
)

// Vault is one Azure Key Vault for a login that writes secrets and manages their versions.
// Only [Vault.ReadSecret] reads a value. Errors are *[Error].
type Vault struct{ *vault }

// SecretVersion is one version of a secret, without its value.
type SecretVersion struct {
	// ID is 32 hexadecimal digits; URL is the version's address and VersionlessURL
	// that of whatever version is the newest.
	ID, URL, VersionlessURL string
	Enabled                 bool
	Created                 time.Time // to the second
	ContentType             string
	Tags                    map[string]string
}

// NewSecret is a version to write.
type NewSecret struct {
	Name, Value, ContentType string
	Tags                     map[string]string
	Expires                  time.Time // zero: never
}

// Host returns the vault's host name.
func (v *Vault) Host() string { return v.host }

// Versions lists the versions of a secret, newest first; where there are none the error is [ErrNoSecret]. One request
// per 25 versions, and one more at the first call of a vault.
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
		return nil, &Error{
			Attribute: v.settings.VaultURI.Attribute,
			Summary:   summaryNoSecret,
			Err:       ErrNoSecret,
			Detail:    v.hasNo(name),
		}
	}
	slices.SortStableFunc(versions, func(a, b SecretVersion) int { return b.Created.Compare(a.Created) })
	return versions, nil
}

// KnownVersions is [Vault.Versions] for a secret that existed before. It is gone only if it
// is among the deleted secrets, or is still missing at a second read: for some seconds a
// secret that is being deleted or recovered is in neither list. Where it is gone this takes
// one more request, or two after a pause.
func (v *Vault) KnownVersions(ctx context.Context, name string) ([]SecretVersion, error) {
	versions, err := v.Versions(ctx, name)
	if !errors.Is(err, ErrNoSecret) {
		return versions, err
	}
	if deleted, lookErr := v.IsDeleted(ctx, name); lookErr == nil && deleted {
		return nil, err
	}
	if web.Pause(ctx, transition) != nil {
		return nil, &Error{Summary: "Reading of Key Vault was interrupted", Err: ctx.Err(), Detail: fmt.Sprintf(
			"The operation ended before it was known whether secret %s of Key Vault %s is gone.", name, v.host)}
	}
	return v.Versions(ctx, name)
}

// transition is longer than a deletion or a recovery takes.
const transition = 3 * time.Second

// IsDeleted reports whether a secret of that name is deleted and can still be recovered,
// so that the name cannot be used. One request.
// https://learn.microsoft.com/rest/api/keyvault/secrets/get-deleted-secret
func (v *Vault) IsDeleted(ctx context.Context, name string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	answer, err := v.client.GetDeletedSecret(ctx, name, nil)
	if err == nil {
		err = v.about(asked{method: http.MethodGet, folder: "/deletedsecrets/", secret: name}, answer.ID)
	}
	if err == nil {
		return true, nil
	}
	if refusal := v.explainUse(toList, name, err); !errors.Is(refusal, ErrNoSecret) {
		return false, refusal
	}
	return false, nil
}

// TryWrite checks whether the caller may write a secret, and writes nothing: it sends no
// value, which the vault refuses as a bad request, but only after it has checked the
// caller's permission. One request.
// https://learn.microsoft.com/rest/api/keyvault/secrets/set-secret
func (v *Vault) TryWrite(ctx context.Context, name string) error {
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
	return &Error{Attribute: v.settings.VaultURI.Attribute, Summary: "Key Vault accepted a secret without a value",
		Detail: fmt.Sprintf(
			"%s accepted an empty secret %s, which no Key Vault does: something else may answer in its place.",
			v.host,
			name,
		)}
}

// Write adds a version to a secret, or creates the secret. mark is a tag of s. By it Write
// finds a version whose answer was lost, so that it is not written twice. One request;
// after a lost answer one to list the versions, and one to write again.
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
	for try := 1; ; try++ {
		// The library by itself would send it again, and leave a second version.
		once := policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: -1, TryTimeout: 30 * time.Second})
		answer, err := v.client.SetSecret(once, s.Name, parameters, nil)
		if err == nil {
			written := secretVersion(answer.ID, answer.Attributes, answer.ContentType, answer.Tags)
			if err = v.about(asked{method: http.MethodPut, folder: "/secrets/", secret: s.Name}, answer.ID); err == nil &&
				written.isThe(s, mark) {
				return written, nil
			} else if err == nil {
				err = v.mismatch(asked{method: http.MethodPut, folder: "/secrets/", secret: s.Name}, "a version that "+
					"is disabled or has other tags")
			}
		}
		refusal, answered := errors.AsType[*azcore.ResponseError](err)
		_, noLogin := errors.AsType[*readerError](err)
		_, stranger := errors.AsType[*web.NoAnswer](err)
		final := noLogin || answered && refusal.StatusCode < 500 && refusal.StatusCode != http.StatusTooManyRequests ||
			!answered && !stranger && wrongAddress(err)
		if !final {
			versions, lookErr := v.Versions(context.WithoutCancel(ctx), s.Name)
			for _, written := range versions {
				if written.isThe(s, mark) {
					return written, nil
				}
			}
			// A server in the vault's place would answer again.
			final = stranger || lookErr != nil && !errors.Is(lookErr, ErrNoSecret)
		}
		failed := v.explainUse(toWrite, s.Name, err)
		final = final && !errors.Is(failed, ErrInTransition)
		if final || try == tries || web.Pause(ctx, backoff(try)) != nil {
			return SecretVersion{}, failed
		}
	}
}

// Change sets content type and tags of a version. One request.
// https://learn.microsoft.com/rest/api/keyvault/secrets/update-secret
func (v *Vault) Change(ctx context.Context, name, version, contentType string, tags map[string]string) error {
	changed, err := v.update(
		ctx,
		name,
		version,
		azsecrets.UpdateSecretPropertiesParameters{ContentType: &contentType, Tags: pointers(tags)},
	)
	if err == nil && (changed.ContentType != contentType || !maps.Equal(changed.Tags, tags)) {
		return v.explainUse(
			toChange,
			name,
			v.mismatch(
				asked{method: http.MethodPatch, folder: "/secrets/", secret: name, version: version},
				"the version as it was before",
			),
		)
	}
	return err
}

// Disable disables a version; one that is gone counts as done. One request.
// https://learn.microsoft.com/rest/api/keyvault/secrets/update-secret
func (v *Vault) Disable(ctx context.Context, name, version string) error {
	no := false
	disabled, err := v.update(
		ctx,
		name,
		version,
		azsecrets.UpdateSecretPropertiesParameters{SecretAttributes: &azsecrets.SecretAttributes{Enabled: &no}},
	)
	if errors.Is(err, ErrNoSecret) {
		return nil
	}
	if err == nil && disabled.Enabled {
		return v.explainUse(
			toChange,
			name,
			v.mismatch(
				asked{method: http.MethodPatch, folder: "/secrets/", secret: name, version: version},
				"a version that is not disabled",
			),
		)
	}
	return err
}

func (v *Vault) update(
	ctx context.Context,
	name, version string,
	p azsecrets.UpdateSecretPropertiesParameters,
) (SecretVersion, error) {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	answer, err := v.client.UpdateSecretProperties(ctx, name, version, p, nil)
	if err == nil {
		err = v.about(asked{method: http.MethodPatch, folder: "/secrets/", secret: name, version: version}, answer.ID)
	}
	if err != nil {
		return SecretVersion{}, v.explainUse(toChange, name, err)
	}
	return secretVersion(answer.ID, answer.Attributes, answer.ContentType, answer.Tags), nil
}

func secretVersion(
	id *azsecrets.ID,
	attributes *azsecrets.SecretAttributes,
	contentType *string,
	tags map[string]*string,
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

// Settled calls do, and repeats it while the vault reports that it is deleting or
// recovering the secret, as long as ctx and the retry timeout allow.
func (v *Vault) Settled(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	for {
		err := do()
		if !errors.Is(err, ErrInTransition) || web.Pause(ctx, time.Second) != nil {
			return err
		}
		tflog.Info(
			ctx,
			"Key Vault is deleting or recovering a secret, so the provider tries again",
			map[string]any{"key_vault": v.host},
		)
	}
}

// Await calls do, which needs a permission that may have been granted a moment ago, and
// repeats it while the vault refuses it for lack of that permission and ctx allows. It
// writes this to the log.
func (v *Vault) Await(ctx context.Context, do func() error) error {
	began, pause := time.Now(), time.Second
	for {
		err := do()
		if !errors.Is(err, ErrMayNot) {
			return err
		}
		if end, limited := ctx.Deadline(); limited && time.Now().Add(pause).After(end) {
			return err
		}
		tflog.Info(
			ctx,
			"Key Vault refuses the provider; a role may have been assigned a moment ago, so the provider tries again",
			map[string]any{
				"key_vault":      v.host,
				"waited_seconds": int(time.Since(began).Seconds()),
				"pause_seconds":  int(pause.Seconds()),
			},
		)
		if web.Pause(ctx, pause) != nil {
			return err
		}
		pause = min(2*pause, 15*time.Second)
	}
}

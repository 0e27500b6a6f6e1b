package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Choice is the login that the settings select.
type Choice struct {
	Kind Kind
	// Ignored are the configured credentials that are not used, because the configuration selects another kind. Their
	// Value is empty, because only their source is needed.
	Ignored []Setting
}

// decision is a [Choice] with everything that is needed to open the login.
type decision struct {
	credentialKind
	ignored []Setting
	// vault has the settings of the Key Vault that the login reads; nil if the login reads none.
	vault *KeyVaultSettings
}

// Choose decides which kind of credential is used, from the values of the settings alone, and checks their syntax. It
// chooses one kind: if the login with this kind fails, no other kind is tried. AuthType selects a kind, but an AuthType
// from the environment is ignored if HCL has only credentials of other kinds. Without AuthType, a credential in HCL
// takes precedence over the credentials in the environment, and two kinds in HCL are an error. If HCL has no
// credential, the order of precedence in the environment is: certificate, key vault, client secret, OIDC, managed
// identity, Azure CLI, Databricks OAuth, Databricks OIDC, token. Errors are *[Error].
func (s Settings) Choose() (Choice, error) {
	d, err := s.choose()
	if err != nil {
		return Choice{}, err
	}
	return Choice{Kind: d.kind, Ignored: d.ignored}, nil
}

func (s Settings) choose() (decision, error) {
	if err := s.checkSwitches(); err != nil {
		return decision{}, err
	}
	var inHCL, inEnv []credentialKind
	for _, m := range credentialKinds() {
		if len(set(m.names(s), fromHCL)) > 0 {
			inHCL = append(inHCL, m)
		}
		if len(set(m.names(s), fromEnv)) > 0 {
			inEnv = append(inEnv, m)
		}
	}
	pinned, err := s.pinned()
	if err != nil {
		return decision{}, err
	}

	var d decision
	named := len(inHCL) > 0 // whether HCL selects a kind
	switch {
	case pinned.kind != "" && (s.AuthType.inHCL() || !named || slices.ContainsFunc(inHCL, pinned.is)):
		if err := s.checkPinned(pinned); err != nil {
			return decision{}, err
		}
		d.credentialKind, d.ignored = pinned, s.others(pinned, anywhere)
		named = named || s.AuthType.inHCL()
	case len(inHCL) > 1:
		first, second := set(inHCL[0].names(s), fromHCL)[0], set(inHCL[1].names(s), fromHCL)[0]
		return decision{}, errorAt(second.Attribute, "Conflicting Azure credentials",
			"%s and %s are both set in the configuration, for two kinds of login. Remove one of them, or select one "+
				"with auth_type. If the selected login fails, the provider tries no other login.",
			first.Attribute, second.Attribute).withCause(ErrConflict)
	case named:
		d.credentialKind = inHCL[0]
		d.ignored = s.others(credentialKind{}, fromEnv)
		if pinned.kind != "" { // auth_type is from the environment, and HCL takes precedence
			d.ignored = append(d.ignored, Setting{Attribute: s.AuthType.Attribute, Env: s.AuthType.Env})
		}
	case len(inEnv) > 0:
		d.credentialKind = inEnv[0]
	}

	if err := s.checkCertificateSettings(d.kind); err != nil {
		return decision{}, err
	}
	if d.kind == "" {
		return decision{}, s.missing()
	}
	if d.vault, err = s.vaultReads(d.kind, named); err != nil {
		return decision{}, err
	}
	return d, s.checkValues(d)
}

func (m credentialKind) is(other credentialKind) bool { return m.kind == other.kind }

// others returns the settings that select a credential of another kind than chosen and for which keep returns true. The
// returned settings have no Value.
func (s Settings) others(chosen credentialKind, keep func(Setting) bool) []Setting {
	var ignored []Setting
	for _, m := range credentialKinds() {
		if m.is(chosen) {
			continue
		}
		for _, setting := range set(m.names(s), keep) {
			setting.Value = ""
			ignored = append(ignored, setting)
		}
	}
	return ignored
}

// CheckAuthType returns an error unless value is the name of a kind of credential.
func CheckAuthType(value string) error {
	_, err := kindNamed(value)
	return err
}

func kindNamed(value string) (credentialKind, error) {
	var kinds []string
	for _, m := range credentialKinds() {
		if string(m.kind) == strings.TrimSpace(value) {
			return m, nil
		}
		kinds = append(kinds, string(m.kind))
	}
	return credentialKind{}, errorAt("", "Unknown auth_type", "auth_type must be one of these kinds of login: %s.",
		strings.Join(kinds, ", "))
}

// pinned returns the kind of credential that auth_type names; the zero value if auth_type is not set.
func (s Settings) pinned() (credentialKind, error) {
	if !s.AuthType.IsSet() {
		return credentialKind{}, nil
	}
	m, err := kindNamed(s.AuthType.Value)
	return m, atSetting(err, s.AuthType, "auth_type")
}

// checkPinned returns an error if the kind that auth_type names has no credential, or if a switch in HCL turns that
// kind off.
func (s Settings) checkPinned(m credentialKind) error {
	for _, w := range s.switches() {
		if w.kind == m.kind && w.inHCL() && !w.on() {
			return errorAt(w.attributeOr(w.name), "Contradicting Azure login",
				"auth_type is %s (%s), but %s is false. Remove one of the two settings.",
				m.kind, s.AuthType.Source(), w.Source())
		}
	}
	if m.ambient || len(m.present(s)) > 0 {
		return nil
	}
	var found []string
	for _, other := range credentialKinds() {
		if !other.is(m) {
			found = append(found, foundText(other.label, other.names(s)...))
		}
	}
	need := fmt.Sprintf("Set one of %s (or in the environment %s)", m.set, m.env)
	if m.kind == KindOIDC || m.kind == KindDatabricksOIDC {
		need = "Set the source of its token: oidc_token, oidc_token_file_path, oidc_request_url with " +
			"oidc_request_token, or use_aks_workload_identity"
	}
	return errorAt(s.AuthType.attributeOr("auth_type"), "Login of auth_type has no credential",
		"auth_type is %s (%s), but no credential of that kind is set. %s. The provider tries no other kind of "+
			"login. Credentials of other kinds: %s.", m.kind, s.AuthType.Source(), need, strings.Join(found, ", "))
}

func (s Settings) missing() error {
	var sets, envs []string
	found := []string{foundText("tenant_id", s.TenantID), foundText("client_id", s.ClientID, s.ClientIDFilePath)}
	for _, m := range credentialKinds() {
		sets = append(sets, m.set)
		envs = append(envs, m.env)
		found = append(found, foundText(m.label, m.names(s)...))
	}
	var hint string
	if tokens := set([]Setting{s.OIDCToken, s.OIDCTokenFilePath, s.OIDCRequestURL}, anywhere); len(tokens) > 0 {
		hint = fmt.Sprintf(" %s alone selects no login. To log in with an OIDC token, also set use_oidc = true (or "+
			"ARM_USE_OIDC).", tokens[0].Source())
	}
	return &Error{
		Summary: "Missing Azure credentials",
		Detail: fmt.Sprintf("No login is configured. Set one of %s (or in the environment %s).%s Settings that the "+
			"provider found: %s.",
			strings.Join(sets, ", "), strings.Join(envs, ", "), hint, strings.Join(found, ", ")),
	}
}

// foundText returns whether a credential is configured, for a message: "secret yes (client_secret)" or "secret no".
func foundText(label string, settings ...Setting) string {
	for _, setting := range settings {
		if setting.IsSet() {
			return fmt.Sprintf("%s yes (%s)", label, setting.Source())
		}
	}
	return label + " no"
}

// ErrConflict is the cause of the error for two kinds of credential in one configuration block, to be tested with
// errors.Is.
var ErrConflict = errors.New("two kinds of credential")

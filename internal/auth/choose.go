package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Choice is the login that the settings ask for.
type Choice struct {
	Kind Kind
	// Ignored are the credentials in the environment that are not used because
	// configuration names one. They have no Value: only their source is of use.
	Ignored []Setting
}

// method is one kind of credential: which settings name it, and how to open it.
// A new kind is one more entry in methods.
type method struct {
	kind Kind
	// label is what the kind is called in a message.
	label string
	// names are the settings whose presence chooses this kind.
	names func(Settings) []Setting
	// set is what to write, in HCL and in the environment.
	set, env string
	// application tells that the login is of an Entra ID application, so that
	// tenant and client id are needed.
	application bool
	open        func(*Login, Settings, Options) (tokenFunc, error)
}

type tokenFunc func(ctx context.Context, scope string) (Token, error)

// methods are all kinds, in the order in which the environment decides.
func methods() []method {
	return []method{{
		kind:        KindCertificate,
		label:       "certificate",
		names:       func(s Settings) []Setting { return []Setting{s.CertificatePath, s.Certificate} },
		set:         "client_certificate_path, client_certificate",
		env:         "ARM_CLIENT_CERTIFICATE_PATH, ARM_CLIENT_CERTIFICATE",
		application: true,
		open:        openCertificate,
	}, {
		kind:        KindClientSecret,
		label:       "secret",
		names:       func(s Settings) []Setting { return []Setting{s.ClientSecret} },
		set:         "client_secret",
		env:         "ARM_CLIENT_SECRET",
		application: true,
		open:        openSecret,
	}, {
		kind:  KindToken,
		label: "token",
		names: func(s Settings) []Setting { return []Setting{s.Token} },
		set:   "token",
		env:   "DATABRICKS_TOKEN",
		open:  openToken,
	}}
}

// set filters the settings that have a value.
func set(settings []Setting, keep func(Setting) bool) []Setting {
	var kept []Setting
	for _, s := range settings {
		if s.IsSet() && keep(s) {
			kept = append(kept, s)
		}
	}
	return kept
}

func fromHCL(s Setting) bool { return s.Env == "" }
func fromEnv(s Setting) bool { return s.Env != "" }

// Choose decides which credential is used, from the values alone, and checks
// their syntax. One kind is chosen and its failure is final; nothing falls
// through to another identity. A kind in HCL makes those in the environment
// ignored; with none in HCL the environment decides in the order certificate,
// client secret, token. Errors are *[Error].
func (s Settings) Choose() (Choice, error) {
	m, ignored, err := s.choose()
	if err != nil {
		return Choice{}, err
	}
	return Choice{Kind: m.kind, Ignored: ignored}, nil
}

func (s Settings) choose() (method, []Setting, error) {
	var inHCL, inEnv []method
	var ignored []Setting
	for _, m := range methods() {
		if len(set(m.names(s), fromHCL)) > 0 {
			inHCL = append(inHCL, m)
		}
		if env := set(m.names(s), fromEnv); len(env) > 0 {
			inEnv = append(inEnv, m)
			for _, setting := range env {
				setting.Value = ""
				ignored = append(ignored, setting)
			}
		}
	}
	if len(inHCL) > 1 {
		first, second := set(inHCL[0].names(s), fromHCL)[0], set(inHCL[1].names(s), fromHCL)[0]
		return method{}, nil, &Error{
			Attribute: second.Attribute,
			Summary:   "Conflicting Azure credentials",
			Detail:    fmt.Sprintf("%s and %s are both set in configuration; keep one. One credential is used and its failure is final: no second one is tried.", first.Attribute, second.Attribute),
		}
	}

	var chosen method
	switch {
	case len(inHCL) == 1:
		chosen = inHCL[0]
	case len(inEnv) > 0:
		chosen, ignored = inEnv[0], nil
	}
	if err := s.checkCompanions(chosen.kind); err != nil {
		return method{}, nil, err
	}
	if chosen.kind == "" {
		return method{}, nil, s.missing()
	}
	if chosen.application {
		if err := s.checkApplication(set(chosen.names(s), func(Setting) bool { return true })[0]); err != nil {
			return method{}, nil, err
		}
	}
	return chosen, ignored, nil
}

// checkCompanions refuses what belongs to a certificate when there is none. Only
// HCL is judged: a variable that a machine sets for other programs is no mistake.
func (s Settings) checkCompanions(chosen Kind) error {
	if chosen == KindCertificate {
		return nil
	}
	for _, companion := range []Setting{s.CertificatePassword, s.CertificateThumbprint} {
		if companion.inHCL() {
			return &Error{
				Attribute: companion.Attribute,
				Summary:   "Certificate setting without a certificate",
				Detail:    fmt.Sprintf("%s is set, but the login uses no certificate. Set client_certificate_path or client_certificate too, or remove it.", companion.Attribute),
			}
		}
	}
	return nil
}

func (s Settings) missing() error {
	var sets, envs []string
	found := []string{s.found("tenant_id", s.TenantID), s.found("client_id", s.ClientID)}
	for _, m := range methods() {
		sets = append(sets, m.set)
		envs = append(envs, m.env)
		found = append(found, s.found(m.label, m.names(s)...))
	}
	return &Error{
		Summary: "Missing Azure credentials",
		Detail: fmt.Sprintf("Set one of %s (or in the environment %s). Found: %s.",
			strings.Join(sets, ", "), strings.Join(envs, ", "), strings.Join(found, ", ")),
	}
}

func (Settings) found(label string, settings ...Setting) string {
	for _, setting := range settings {
		if setting.IsSet() {
			return fmt.Sprintf("%s yes (%s)", label, setting.Source())
		}
	}
	return label + " no"
}

// checkApplication checks what every login of an application needs.
func (s Settings) checkApplication(credential Setting) error {
	var missing, remedy []string
	var attribute string
	for _, need := range []struct {
		Setting
		name, env string
	}{{s.TenantID, "tenant_id", "ARM_TENANT_ID"}, {s.ClientID, "client_id", "ARM_CLIENT_ID"}} {
		if !need.IsSet() {
			missing = append(missing, need.named(need.name))
			remedy = append(remedy, fmt.Sprintf("%s (or %s)", need.named(need.name), need.env))
			if attribute == "" {
				attribute = need.named(need.name)
			}
		}
	}
	if len(missing) > 0 {
		verb := "is"
		if len(missing) > 1 {
			verb = "are"
		}
		return &Error{
			Attribute: attribute,
			Summary:   "Incomplete Azure login",
			Detail: fmt.Sprintf("A credential is given (%s), but %s %s not. Set %s: both stand on the application's page under App registrations.",
				credential.Source(), strings.Join(missing, " and "), verb, strings.Join(remedy, " and ")),
		}
	}
	for _, check := range []struct {
		Setting
		name  string
		check func(string) error
	}{
		{s.TenantID, "tenant_id", CheckTenantID},
		{s.ClientID, "client_id", CheckClientID},
		{s.CertificateThumbprint, "client_certificate_thumbprint", CheckThumbprint},
		{s.AuthorityHost, "authority_host", CheckAuthorityHost},
	} {
		if !check.IsSet() {
			continue
		}
		if err := check.check(check.Value); err != nil {
			return at(err, check.Setting, check.name)
		}
	}
	return nil
}

// at points a syntax error at the setting it was found in.
func at(err error, s Setting, fallback string) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	placed := *e
	placed.Attribute = s.named(fallback)
	if s.Env != "" {
		placed.Detail += " The value came from " + s.Source() + "."
	}
	return &placed
}

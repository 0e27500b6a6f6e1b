package auth

// credentialKind describes one kind of credential: the settings that select it, and the function that opens it. To add
// a kind, add an entry to [credentialKinds].
type credentialKind struct {
	kind Kind
	// label is the name of the kind in messages.
	label string
	// names returns the settings that select this kind when they are set.
	names func(Settings) []Setting
	// set and env list the settings that select this kind, for messages: set has the attributes in HCL, and env has the
	// environment variables.
	set, env string
	// application is true if the login is that of an Entra ID application, so that a tenant id and a client id are
	// needed.
	application bool
	// ambient is true if the kind needs no setting besides auth_type.
	ambient bool
	// open reads and checks the credential. It makes no request.
	open func(*opening, Settings) (finisher, error)
}

// credentialKinds returns all kinds of credential. If the environment has credentials of several kinds, the first of
// them in this list takes precedence.
func credentialKinds() []credentialKind {
	return []credentialKind{{
		kind: KindCertificate, label: "certificate", application: true, open: openCertificate,
		names: func(s Settings) []Setting { return []Setting{s.CertificatePath, s.Certificate} },
		set:   "client_certificate_path, client_certificate",
		env:   "ARM_CLIENT_CERTIFICATE_PATH, ARM_CLIENT_CERTIFICATE",
	}, {
		kind: KindKeyVault, label: "key_vault credential", application: true, open: openKeyVault,
		names: func(s Settings) []Setting { return s.KeyVault.credentials() },
		set:   "key_vault.certificate_name, key_vault.client_secret_name",
		env:   "DBXACCESS_KEY_VAULT_CERTIFICATE_NAME, DBXACCESS_KEY_VAULT_CLIENT_SECRET_NAME",
	}, {
		kind: KindClientSecret, label: "secret", application: true, open: openSecret,
		names: func(s Settings) []Setting { return []Setting{s.ClientSecret, s.ClientSecretFilePath} },
		set:   "client_secret, client_secret_file_path",
		env:   "ARM_CLIENT_SECRET, ARM_CLIENT_SECRET_FILE_PATH",
	}, {
		kind: KindOIDC, label: "use_oidc", application: true, open: openOIDC,
		names: func(s Settings) []Setting {
			return []Setting{s.UseOIDC.whenOn(), s.UseAKSWorkloadIdentity.whenOn()}
		},
		set: "use_oidc",
		env: "ARM_USE_OIDC",
	}, {
		kind: KindMSI, label: "use_msi", ambient: true, open: openMSI,
		names: func(s Settings) []Setting { return []Setting{s.UseMSI.whenOn()} },
		set:   "use_msi",
		env:   "ARM_USE_MSI",
	}, {
		kind: KindCLI, label: "use_cli", ambient: true, open: openCLI,
		names: func(s Settings) []Setting { return []Setting{s.UseCLI.whenOn()} },
		set:   "use_cli",
		env:   "ARM_USE_CLI",
	}, {
		kind: KindDatabricksOAuth, label: "databricks_client_secret", open: openDatabricksOAuth,
		names: func(s Settings) []Setting { return []Setting{s.DatabricksClientSecret} },
		set:   "databricks_client_secret",
		env:   "DATABRICKS_CLIENT_SECRET",
	}, {
		kind: KindDatabricksOIDC, label: "use_databricks_oidc", open: openDatabricksOIDC,
		names: func(s Settings) []Setting { return []Setting{s.UseDatabricksOIDC.whenOn()} },
		set:   "use_databricks_oidc",
		env:   "DBXACCESS_USE_DATABRICKS_OIDC",
	}, {
		kind: KindToken, label: "token", open: openToken,
		names: func(s Settings) []Setting { return []Setting{s.Token} },
		set:   "token",
		env:   "DATABRICKS_TOKEN",
	}}
}

// present returns the settings that are a credential of this kind if auth_type selects the kind. For a login with an
// OIDC token of another issuer, these are the switch of the login and also the settings of a source of the token.
func (m credentialKind) present(s Settings) []Setting {
	found := set(m.names(s), anywhere)
	if m.kind == KindOIDC || m.kind == KindDatabricksOIDC {
		sources := []Setting{s.OIDCToken, s.OIDCTokenFilePath, s.ADOServiceConnectionID, s.OIDCRequestURL}
		found = append(found, set(sources, anywhere)...)
	}
	return found
}

// set returns the settings that have a value and for which keep returns true.
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
func anywhere(Setting) bool  { return true }

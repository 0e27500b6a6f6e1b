package auth

// credentialKind is one kind of credential: which settings select it, and how to open it.
// A new kind is one more entry in credentialKinds.
type credentialKind struct {
	kind Kind
	// label is the name of the kind in messages.
	label string
	// names returns the settings that select this kind when they are set.
	names func(Settings) []Setting
	// set and env are the settings to name in messages, in HCL and in the environment.
	set, env string
	// application is whether the login is of an Entra ID application, so that tenant and
	// client id are needed.
	application bool
	// ambient is whether the kind needs no setting besides auth_type.
	ambient bool
	// open reads and checks the credential, without any request.
	open func(*opening, Settings) (finisher, error)
}

// credentialKinds returns all kinds, in their order of precedence in the environment.
func credentialKinds() []credentialKind {
	return []credentialKind{{
		kind:        KindCertificate,
		label:       "certificate",
		names:       func(s Settings) []Setting { return []Setting{s.CertificatePath, s.Certificate} },
		set:         "client_certificate_path, client_certificate",
		env:         "ARM_CLIENT_CERTIFICATE_PATH, ARM_CLIENT_CERTIFICATE",
		application: true,
		open:        openCertificate,
	}, {
		kind:        KindKeyVault,
		label:       "key_vault credential",
		names:       func(s Settings) []Setting { return s.KeyVault.credentials() },
		set:         "key_vault.certificate_name, key_vault.client_secret_name",
		env:         "DBXACCESS_KEY_VAULT_CERTIFICATE_NAME, DBXACCESS_KEY_VAULT_CLIENT_SECRET_NAME",
		application: true,
		open:        openKeyVault,
	}, {
		kind:        KindClientSecret,
		label:       "secret",
		names:       func(s Settings) []Setting { return []Setting{s.ClientSecret, s.ClientSecretFilePath} },
		set:         "client_secret, client_secret_file_path",
		env:         "ARM_CLIENT_SECRET, ARM_CLIENT_SECRET_FILE_PATH",
		application: true,
		open:        openSecret,
	}, {
		kind:  KindOIDC,
		label: "use_oidc",
		names: func(s Settings) []Setting {
			return []Setting{s.UseOIDC.whenOn(), s.UseAKSWorkloadIdentity.whenOn()}
		},
		set:         "use_oidc",
		env:         "ARM_USE_OIDC",
		application: true,
		open:        openOIDC,
	}, {
		kind:    KindMSI,
		label:   "use_msi",
		names:   func(s Settings) []Setting { return []Setting{s.UseMSI.whenOn()} },
		set:     "use_msi",
		env:     "ARM_USE_MSI",
		ambient: true,
		open:    openMSI,
	}, {
		kind:    KindCLI,
		label:   "use_cli",
		names:   func(s Settings) []Setting { return []Setting{s.UseCLI.whenOn()} },
		set:     "use_cli",
		env:     "ARM_USE_CLI",
		ambient: true,
		open:    openCLI,
	}, {
		kind:  KindDatabricksOAuth,
		label: "databricks_client_secret",
		names: func(s Settings) []Setting { return []Setting{s.DatabricksClientSecret} },
		set:   "databricks_client_secret",
		env:   "DATABRICKS_CLIENT_SECRET",
		open:  openDatabricksOAuth,
	}, {
		kind:  KindDatabricksOIDC,
		label: "use_databricks_oidc",
		names: func(s Settings) []Setting { return []Setting{s.UseDatabricksOIDC.whenOn()} },
		set:   "use_databricks_oidc",
		env:   "DBXACCESS_USE_DATABRICKS_OIDC",
		open:  openDatabricksOIDC,
	}, {
		kind:  KindToken,
		label: "token",
		names: func(s Settings) []Setting { return []Setting{s.Token} },
		set:   "token",
		env:   "DATABRICKS_TOKEN",
		open:  openToken,
	}}
}

// present returns the settings that are a credential of this kind when auth_type selects
// it. For a token of another issuer, a source of the token counts as well as the switch.
func (m credentialKind) present(s Settings) []Setting {
	found := set(m.names(s), anywhere)
	if m.kind == KindOIDC || m.kind == KindDatabricksOIDC {
		found = append(
			found,
			set([]Setting{s.OIDCToken, s.OIDCTokenFilePath, s.ADOServiceConnectionID, s.OIDCRequestURL}, anywhere)...)
	}
	return found
}

// set returns the settings that have a value and that keep accepts.
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

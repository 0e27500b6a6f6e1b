package auth

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
	// ambient tells that the kind needs no setting besides auth_type.
	ambient bool
	// open reads and checks what is local.
	open func(*opening, Settings) (finisher, error)
}

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

// present are the settings that give the kind its credential when auth_type has
// chosen it: with a token of another issuer, where the token comes from does as well as the switch.
func (m method) present(s Settings) []Setting {
	found := set(m.names(s), anywhere)
	if m.kind == KindOIDC || m.kind == KindDatabricksOIDC {
		found = append(
			found,
			set([]Setting{s.OIDCToken, s.OIDCTokenFilePath, s.ADOServiceConnectionID, s.OIDCRequestURL}, anywhere)...)
	}
	return found
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
func anywhere(Setting) bool  { return true }

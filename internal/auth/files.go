package auth

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// maxValueFile is the largest size, in bytes, of a file that holds a single value. It is far above the size of any id,
// secret or token.
const maxValueFile = 64 << 10

// The environment variables that Azure Kubernetes Service sets in a pod (Azure documentation, "Use Microsoft Entra
// Workload ID with AKS").
const (
	envClientID           = "AZURE_CLIENT_ID"
	envTenantID           = "AZURE_TENANT_ID"
	envFederatedTokenFile = "AZURE_FEDERATED_TOKEN_FILE"
)

// complete returns the settings with the values from files added and, in a pod of Azure Kubernetes Service, the values
// from the environment of the pod.
func (o *opening) complete(s Settings, d decision) (Settings, error) {
	var err error
	if d.kind.Entra() && d.kind != KindCLI {
		if s.ClientID, err = valueOrFile(s.ClientID, s.ClientIDFilePath, clientIDFile); err != nil {
			return s, err
		}
		if s.ClientID.IsSet() {
			if err := CheckClientID(s.ClientID.Value); err != nil {
				return s, atSetting(err, s.ClientID, "client_id")
			}
		}
	}
	if d.kind == KindClientSecret {
		if s.ClientSecret, err = valueOrFile(s.ClientSecret, s.ClientSecretFilePath, clientSecretFile); err != nil {
			return s, err
		}
		web.Conceal(s.ClientSecret.Value)
		o.warnIfOpenToOthers(s.ClientSecretFilePath, "client secret")
	}
	if d.kind == KindOIDC && s.UseAKSWorkloadIdentity.on() {
		return o.completeInPod(s, d)
	}
	return s, nil
}

// warnIfOpenToOthers adds a warning to the login if other users of the machine may read a file with a secret. It is not
// used for the files that Kubernetes puts into a pod, because nobody there can change their mode.
func (o *opening) warnIfOpenToOthers(file Setting, what string) {
	if path, err := expandHome(strings.TrimSpace(file.Value)); err == nil && file.IsSet() {
		o.login.Warnings = append(o.login.Warnings, openToOthers(file, path, what)...)
	}
}

// completeInPod returns the settings with the tenant id and the client id from the environment of a pod. Configured
// ids, and ids that are read from Key Vault, take precedence.
func (o *opening) completeInPod(s Settings, d decision) (Settings, error) {
	for _, id := range []struct {
		setting *Setting
		name    string
		inVault bool
		check   func(string) error
	}{
		{&s.TenantID, envTenantID, d.vault != nil && d.vault.TenantIDSecretName.IsSet(), CheckTenantID},
		{&s.ClientID, envClientID, d.vault != nil && d.vault.ClientIDSecretName.IsSet(), CheckClientID},
	} {
		if id.setting.IsSet() || id.inVault {
			continue
		}
		value := o.env(id.name)
		if *id.setting = (Setting{Value: value, Attribute: id.setting.Attribute, Env: id.name}); !id.setting.IsSet() {
			return s, notInPod(s, id.name)
		}
		if err := id.check(value); err != nil {
			return s, atSetting(err, *id.setting, "use_aks_workload_identity")
		}
	}
	return s, nil
}

func notInPod(s Settings, variable string) error {
	attribute := s.UseAKSWorkloadIdentity.attributeOr("use_aks_workload_identity")
	return errorAt(attribute, "Not in a pod with workload identity",
		"%s is true, but the environment variable %s is not set. Azure Kubernetes Service sets this variable in "+
			"pods that have the label azure.workload.identity/use: \"true\" and an annotated service account.",
		s.UseAKSWorkloadIdentity.Source(), variable)
}

// fileWords are the parts of the error message about a file that holds a single value.
type fileWords struct{ what, attribute string }

var (
	clientIDFile     = fileWords{"client ID", "client_id_file_path"}
	clientSecretFile = fileWords{"client secret", "client_secret_file_path"}
	oidcTokenFile    = fileWords{"OIDC token", "oidc_token_file_path"}
)

// valueOrFile returns the setting value or, if it is not used, the setting file with the content of the file as its
// value. HCL takes precedence over the environment. If both settings have equal precedence, they must hold the same
// value. The source of the returned setting is the file if the file was read.
func valueOrFile(value, file Setting, words fileWords) (Setting, error) {
	better, same := prefer(value, file)
	if !same && better == value || !file.IsSet() {
		return value, nil
	}
	content, err := readValueFile(file, words)
	if err != nil {
		return Setting{}, err
	}
	if same && content != strings.TrimSpace(value.Value) {
		title := strings.ToUpper(words.what[:1]) + words.what[1:]
		return Setting{}, errorAt(file.attributeOr(words.attribute), title+" and its file differ",
			"The %s (%s) and the %s in the file (%s) differ. Remove one of the two settings, or make both equal.",
			words.what, value.Source(), words.what, file.Source())
	}
	file.Value = content
	return file, nil
}

// readValueFile returns the content of a file that holds a single value, without the white space around the value.
func readValueFile(setting Setting, words fileWords) (string, error) {
	fail := func(format string, args ...any) (string, error) {
		attribute := setting.attributeOr(words.attribute)
		return "", errorAt(attribute, "Cannot read the file of the "+words.what, format, args...)
	}
	path := strings.TrimSpace(setting.Value)
	// The setting may hold the value itself instead of a path by mistake, so the error does not repeat the setting.
	if !looksLikePath(path) && !fileExists(path) && !strings.HasPrefix(path, "~") {
		return fail("The value of %s is not the path of a file. Set the path of a file with the %s in it, not the "+
			"%s itself.", setting.Source(), words.what, words.what)
	}
	path, err := expandHome(path)
	if err != nil {
		return fail("%s begins with ~, but the provider cannot find out the home directory. Write the path in full.",
			setting.Source())
	}
	data, err := ReadFile(path, maxValueFile)
	value := strings.TrimSpace(strings.TrimPrefix(string(data), "\ufeff"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail("%s", missing(path, setting))
	case errors.Is(err, fs.ErrPermission):
		return fail("The user that runs Terraform may not read the file %s (from %s). Let this user read the file.",
			path, setting.Source())
	case errors.Is(err, errDirectory):
		return fail("%s (from %s) is a directory. Write the path of the file in it.", path, setting.Source())
	case errors.Is(err, errTooLarge):
		return fail("%s (from %s) is larger than 64 KiB. A %s is much shorter, so this is probably another file.",
			path, setting.Source(), words.what)
	case err != nil:
		return fail("%s", FileFault(path, setting, err))
	case value == "":
		return fail("%s (from %s) is empty.", path, setting.Source())
	}
	return value, nil
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// readLimited reads r, and stops after limit+1 bytes. more reports whether r has more than limit bytes.
func readLimited(r io.Reader, limit int64) (data []byte, more bool, err error) {
	data, err = io.ReadAll(io.LimitReader(r, limit+1))
	return data, int64(len(data)) > limit, err
}

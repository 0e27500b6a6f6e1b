package auth

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/auth/certificate"
)

// origin says where a certificate bundle and its password were configured: their names in messages, and the attributes
// that errors point at.
type origin struct {
	certificate.Origin
	attribute, passwordAttribute string
}

func (o origin) parse(data []byte, password string) (*certificate.Certificate, []Warning, error) {
	c, warnings, err := certificate.Parse(data, password, o.Origin)
	var placed []Warning
	for _, w := range warnings {
		placed = append(placed, Warning{Attribute: o.pointAt(w.AtPassword), Summary: w.Summary, Detail: w.Detail})
	}
	if wrong, ok := errors.AsType[*certificate.Error](err); ok {
		err = &Error{Attribute: o.pointAt(wrong.AtPassword), Summary: wrong.Summary, Detail: wrong.Detail}
	}
	return c, placed, err
}

func (o origin) pointAt(password bool) string {
	if password {
		return o.passwordAttribute
	}
	return o.attribute
}

// checkDates checks the dates of the certificate. It returns an error at attribute if the certificate is not valid now,
// and a warning at attribute if the certificate expires soon.
func (o *opening) checkDates(c *certificate.Certificate, attribute string) (*Warning, error) {
	soon, err := c.CheckValidity(o.options.Now())
	if wrong, ok := errors.AsType[*certificate.Error](err); ok {
		return nil, &Error{Attribute: attribute, Summary: wrong.Summary, Detail: wrong.Detail}
	}
	if soon == nil {
		return nil, err
	}
	return &Warning{Attribute: attribute, Summary: soon.Summary, Detail: soon.Detail}, nil
}

// checkThumbprint returns an error at attribute unless the certificate has the expected SHA-1 or SHA-256 thumbprint.
func checkThumbprint(c *certificate.Certificate, expected, attribute string) error {
	normal := normalThumbprint(expected)
	if c.HasThumbprint(normal) {
		return nil
	}
	return errorAt(attribute, "Thumbprint mismatch",
		"The expected thumbprint is %s (%s), but the loaded certificate (%s) has the thumbprints SHA-1 %s and "+
			"SHA-256 %s. Load the right certificate, or correct the expected thumbprint.",
		normal, attribute, c.Subject, c.ThumbprintSHA1, c.ThumbprintSHA256)
}

// looksLikeCertificate reports whether a value that should be a path is probably a certificate bundle. No message
// repeats such a value.
func looksLikeCertificate(value string) bool {
	return strings.Contains(value, "-----BEGIN") || strings.ContainsAny(strings.TrimSpace(value), "\r\n") ||
		strings.HasPrefix(value, "MI") && len(value) > 255 || len(value) > 4096
}

// readCertificateFile reads the file that setting names. It returns the content of the file, and the path with a
// leading ~ expanded.
func readCertificateFile(setting Setting) (data []byte, path string, err error) {
	fail := func(summary, format string, args ...any) ([]byte, string, error) {
		return nil, "", errorAt(setting.attributeOr("client_certificate_path"), summary, format, args...)
	}
	if looksLikeCertificate(setting.Value) {
		return fail("Client certificate path is not a path",
			"%s holds a certificate instead of the path of a file. Set a certificate in client_certificate.",
			setting.Source())
	}
	if shape := certificate.Placeholder(setting.Value); shape != "" {
		return fail("Client certificate path is a variable that was not replaced",
			"%s is %s, a variable that the pipeline did not replace. Check its name and scope.",
			setting.Source(), shape)
	}
	path, err = expandHome(strings.TrimSpace(setting.Value))
	if err != nil {
		return fail("Client certificate path cannot be expanded",
			"%s begins with ~, but the provider cannot find out the home directory. Write the path in full.",
			setting.Source())
	}
	data, err = ReadFile(path, LargestFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		hint := ""
		if looksLikePath(path) && !filepath.IsAbs(path) {
			hint = fmt.Sprintf(" For a file in a module, write \"${path.module}/%s\".", path)
		}
		return fail("Client certificate file not found", "%s%s", missing(path, setting), hint)
	case errors.Is(err, fs.ErrPermission):
		return fail("Client certificate file cannot be read",
			"The user that runs Terraform may not read the file %s (from %s). Let this user read the file.",
			path, setting.Source())
	case errors.Is(err, errDirectory):
		return fail("Client certificate path is a directory",
			"%s (from %s) is a directory. Write the path of the PFX or PEM file in it.", path, setting.Source())
	case errors.Is(err, errTooLarge):
		return fail("Client certificate file is too large",
			"%s (from %s) is larger than 1 MiB. A PFX or PEM file has a few KiB, so this is probably another file.",
			path, setting.Source())
	case err != nil:
		return fail("Client certificate file cannot be read", "%s", FileFault(path, setting, err))
	case len(data) == 0:
		return fail("Client certificate file is empty", "%s (from %s) is empty. Write the certificate and its "+
			"private key to this file, as PFX or PEM.", path, setting.Source())
	}
	return data, path, nil
}

// cause returns the operating system's reason for a failed file operation, without the path.
func cause(err error) string {
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		err = inner.Err
	}
	return fmt.Sprint(err)
}

// expandHome replaces a leading ~ by the home directory, if the ~ is the whole path or a slash or backslash follows. It
// returns any other path, such as ~name/file, unchanged.
func expandHome(path string) (string, error) {
	if path != "~" && !strings.HasPrefix(path, "~/") && !strings.HasPrefix(path, `~\`) {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, path[1:]), nil
}

// loadCertificate reads and parses the configured client certificate, and returns it with the setting that was used. A
// setting in HCL takes precedence over a setting in the environment. If the inline certificate and the file have equal
// precedence, both must hold the same bundle.
func (s Settings) loadCertificate() (Setting, *certificate.Certificate, []Warning, error) {
	inline, file := s.Certificate, s.CertificatePath
	switch {
	case file.inHCL() && !inline.inHCL():
		inline.Value = ""
	case inline.inHCL() && !file.inHCL():
		file.Value = ""
	}

	var data []byte
	var from origin
	var open []Warning
	used := inline
	passwordName := s.CertificatePassword.attributeOr("client_certificate_password")
	passwordSource := cmp.Or(s.CertificatePassword.Source(), passwordName)
	if !s.CertificatePassword.IsSet() && strings.HasPrefix(cmp.Or(file.Env, inline.Env), "ARM_") {
		passwordSource = "ARM_CLIENT_CERTIFICATE_PASSWORD" // the bundle is from an ARM_* variable
	}
	if inline.IsSet() {
		data = []byte(inline.Value)
		from = origin{
			Origin: certificate.Origin{
				Bundle:      "The value of " + inline.Source(),
				Password:    passwordSource,
				PathSetting: pathSettingBeside(inline),
			},
			attribute: inline.attributeOr("client_certificate"), passwordAttribute: passwordName,
		}
	}
	if file.IsSet() {
		content, path, err := readCertificateFile(file)
		if err != nil {
			return Setting{}, nil, nil, err
		}
		if inline.IsSet() && !sameBundle(data, content) {
			return Setting{}, nil, nil, errorAt(from.attribute, "Two different client certificates",
				"%s and %s hold different certificates. Remove one of the two settings.",
				inline.Source(), file.Source())
		}
		used, data, open = file, content, openToOthers(file, path, "key of the client certificate")
		from = origin{
			Origin: certificate.Origin{
				Bundle:   fmt.Sprintf("Certificate file %s (from %s)", path, file.Source()),
				Password: passwordSource,
				File:     path,
			},
			attribute: file.attributeOr("client_certificate_path"), passwordAttribute: passwordName,
		}
	}
	c, warnings, err := from.parse(data, s.CertificatePassword.Value)
	return used, c, append(warnings, open...), err
}

// pathSettingBeside returns the variable or attribute for the path of a certificate file. A message names it if the
// inline setting holds a path instead of a certificate.
func pathSettingBeside(inline Setting) string {
	if inline.Env == "ARM_CLIENT_CERTIFICATE" {
		return "ARM_CLIENT_CERTIFICATE_PATH"
	}
	attribute := inline.attributeOr("client_certificate")
	return strings.TrimSuffix(attribute, "_wo") + "_path"
}

// sameBundle reports whether an inline certificate and a file hold the same bundle. Encodings around either, such as
// base64, are ignored.
func sameBundle(inline, file []byte) bool {
	plain := func(data []byte) []byte {
		if inner, ok := certificate.Unwrap(data); ok {
			data = inner
		}
		return bytes.TrimSpace(data)
	}
	return bytes.Equal(plain(inline), plain(file))
}

package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

var (
	errDirectory  = errors.New("it is a directory")
	errNotRegular = errors.New("it is not a regular file, but a device, a pipe or a socket")
	errTooLarge   = errors.New("it is too large")
)

// LargestFile is the largest size, in bytes, of any file that a setting names. Bundles, secrets and tokens have a few
// KiB.
const LargestFile = 1 << 20

// ReadFile returns the content of a file that a setting names. The file must be a regular file of at most limit bytes,
// because reading a pipe could block for ever, and reading a device might never end.
func ReadFile(path string, limit int64) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, &fs.PathError{Op: "read", Path: path, Err: err} }
	// Opening a pipe waits for a writer, so the kind of file is checked before the file is opened.
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return fail(errDirectory)
	case !info.Mode().IsRegular():
		return fail(errNotRegular)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, more, err := readLimited(file, limit)
	if err == nil && more {
		return fail(errTooLarge)
	}
	return data, err
}

// missing returns a sentence that says that a file does not exist. The setting may hold a secret instead of a path, so
// the sentence repeats the value only if it looks like a path.
func missing(path string, setting Setting) string {
	if !looksLikePath(path) {
		return fmt.Sprintf("The file that %s names does not exist. This message does not show the value, because "+
			"the value does not look like a path.", setting.Source())
	}
	text := fmt.Sprintf("There is no file %s (from %s)", path, setting.Source())
	if where, err := os.Getwd(); err == nil && !filepath.IsAbs(path) {
		text += " in " + where
	}
	return text + "."
}

// fileTypes are the extensions of the files that the provider reads.
var fileTypes = []string{
	".pfx", ".p12", ".pem", ".crt", ".cer", ".der", ".key", ".txt", ".jwt", ".token", ".secret", ".json",
}

// looksLikePath reports whether a value is probably a path, because of its extension, because it names a Windows
// volume, or because the first folder in it exists.
func looksLikePath(value string) bool {
	switch {
	case len(value) > 1024 || strings.ContainsAny(value, "\r\n"):
		return false
	case slices.Contains(fileTypes, strings.ToLower(filepath.Ext(value))), filepath.VolumeName(value) != "":
		return true
	}
	path := filepath.ToSlash(value)
	rooted := strings.HasPrefix(path, "/")
	folder, rest, found := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if !found || folder == "" || rest == "" {
		return false
	}
	if rooted {
		folder = "/" + folder
	}
	info, err := os.Stat(folder)
	return err == nil && info.IsDir()
}

// FileFault returns a sentence that says why [ReadFile] could not read the file at path.
func FileFault(path string, setting Setting, err error) string {
	if errors.Is(err, fs.ErrNotExist) || !looksLikePath(path) && !fileExists(path) {
		return missing(path, setting)
	}
	return fmt.Sprintf("The file %s (from %s) cannot be read: %s.", path, setting.Source(), cause(err))
}

// openToOthers returns a warning if other users of the machine may read a file with a key or a secret, else nil. It
// returns nil on Windows, where files have no such mode.
func openToOthers(setting Setting, path, what string) []Warning {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return []Warning{
		{
			Attribute: setting.Attribute,
			Summary:   "Other users of this machine may read a file with a secret: " + path,
			Detail: fmt.Sprintf("The file holds the %s (%s) and has the mode %04o, so other users than its owner "+
				"may read or change it. Run: chmod 600 %s", what, setting.Source(), info.Mode().Perm(), path),
		},
	}
}

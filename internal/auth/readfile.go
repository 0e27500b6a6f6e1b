package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

var (
	errDirectory  = errors.New("it is a directory")
	errNotRegular = errors.New("it is no regular file, but a device, a pipe or a socket")
	errTooLarge   = errors.New("it is too large")
)

// LargestFile bounds any file that a setting names. Bundles, secrets and tokens have a few KiB.
const LargestFile = 1 << 20

// ReadFile reads a file that a setting names. It must be a regular one of at most
// limit bytes: a pipe would be waited for without end, and a device read without end.
func ReadFile(path string, limit int64) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, &fs.PathError{Op: "read", Path: path, Err: err} }
	// Opening a pipe waits for who writes, so this comes first.
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

// openToOthers warns of a file with a key or a secret that other users of the
// machine may read. Windows has no such mode.
func openToOthers(setting Setting, path, what string) []Warning {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return []Warning{{Attribute: setting.Attribute, Summary: "Other users of this machine may read a file with a secret: " + path, Detail: fmt.Sprintf(
		"The file holds the %s (%s) and has the mode %04o, so that not only its owner may use it. Run: chmod 600 %s", what, setting.Source(), info.Mode().Perm(), path)}}
}

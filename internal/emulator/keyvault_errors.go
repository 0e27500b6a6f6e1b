package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// A vaultError is an error answer in the form of "Azure Key Vault REST API error codes"
// (learn.microsoft.com/azure/key-vault/general/rest-error-codes). Its texts were published by users of Key Vault.
type vaultError struct {
	status  int
	code    string
	inner   string // innererror.code, which distinguishes the reasons of a 403
	message string
}

func (e *vaultError) Error() string { return fmt.Sprintf("%d %s %s", e.status, e.code, e.message) }

func vaultRefusal(status int, code, format string, args ...any) *vaultError {
	return &vaultError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func vaultForbidden(inner, format string, args ...any) *vaultError {
	e := vaultRefusal(http.StatusForbidden, "Forbidden", format, args...)
	e.inner = inner
	return e
}

func badVaultParameter(format string, args ...any) *vaultError {
	return vaultRefusal(http.StatusBadRequest, "BadParameter", format, args...)
}

func unauthorizedVault(format string, args ...any) *vaultError {
	return vaultRefusal(http.StatusUnauthorized, "Unauthorized", format, args...)
}

func secretNotFound(id string) *vaultError {
	return vaultRefusal(http.StatusNotFound, "SecretNotFound", "A secret with (name/id) %s was not found in this "+
		"key vault. If you recently deleted this secret you may be able to recover it using the correct recovery "+
		"command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182", id)
}

func secretIsBeingDeleted(name string) *vaultError {
	e := vaultRefusal(http.StatusConflict, "Conflict", "Secret %s is currently being deleted and cannot be "+
		"re-created; retry later.", name)
	e.inner = "ObjectIsBeingDeleted"
	return e
}

func secretIsBeingRecovered(name string) *vaultError {
	e := vaultRefusal(http.StatusConflict, "Conflict", "Secret %s is currently being recovered; retry later.", name)
	e.inner = "ObjectIsBeingRecovered"
	return e
}

func secretIsDeleted(name string) *vaultError {
	e := vaultRefusal(http.StatusConflict, "Conflict", "Secret %s is currently in a deleted but recoverable state, "+
		"and its name cannot be reused; in this state, the secret can only be recovered or purged.", name)
	e.inner = "ObjectIsDeletedButRecoverable"
	return e
}

func vaultErrorBody(e *vaultError) []byte {
	body := map[string]any{"code": e.code, "message": e.message}
	if e.inner != "" {
		body["innererror"] = map[string]any{"code": e.inner}
	}
	raw, err := json.Marshal(map[string]any{"error": body})
	if err != nil {
		panic("emulator: a map of strings does not marshal: " + err.Error())
	}
	return raw
}

// vaultFault writes a declared fault as an error of Key Vault. A fault's code with a slash, as in
// Forbidden/ForbiddenByConnection, is the code and the inner code.
func vaultFault(f Fault) (contentType string, body []byte) {
	e := &vaultError{status: f.Status, code: f.Code, message: f.Message}
	for i := range e.code {
		if e.code[i] == '/' {
			e.code, e.inner = e.code[:i], e.code[i+1:]
			break
		}
	}
	if e.code == "" {
		e.code = "InternalServerError"
		if f.Status == http.StatusTooManyRequests {
			e.code, e.message = "Throttled", "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached"
		}
	}
	return vaultContentType, vaultErrorBody(e)
}

const vaultContentType = "application/json; charset=utf-8"

func writeVaultError(w http.ResponseWriter, err error) {
	var e *vaultError
	if !errors.As(err, &e) {
		e = vaultRefusal(http.StatusInternalServerError, "InternalServerError", "%v", err)
	}
	w.Header().Set("Content-Type", vaultContentType)
	w.WriteHeader(e.status)
	_, _ = w.Write(vaultErrorBody(e))
}

func writeVaultJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", vaultContentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

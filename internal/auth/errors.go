package auth

import (
	"errors"
	"fmt"
)

// Warning is a warning for the user at an attribute. Its summary ends with the name of an object, because Terraform
// combines warnings with equal summaries.
type Warning struct{ Attribute, Summary, Detail string }

// Error is an error for the user at an attribute.
type Error struct {
	// Attribute is the dotted path in HCL of the wrong setting; "" if no single setting is wrong.
	Attribute string
	// Summary is a fixed sentence, unique to one family of failures.
	Summary string
	// Detail says what happened and what to do next.
	Detail string
	// Code is the number of the AADSTS code in Microsoft Entra ID's answer; 0 if the answer has no code.
	Code int
	// CorrelationID identifies the refused request for Microsoft's support.
	CorrelationID string
	// Err is the cause, such as a context or network error, to be tested with errors.Is. It is never MSAL's error for
	// an HTTP response, because that error holds the request, and the request holds the secret.
	Err error
}

// errorAt returns an error at an attribute. Its detail is the format with its arguments.
func errorAt(attribute, summary, format string, args ...any) *Error {
	return &Error{Attribute: attribute, Summary: summary, Detail: fmt.Sprintf(format, args...)}
}

// withCause returns the error with a cause, to be tested with errors.Is.
func (e *Error) withCause(cause error) *Error {
	e.Err = cause
	return e
}

func (e *Error) Error() string { return e.Summary + ": " + e.Detail }

func (e *Error) Unwrap() error { return e.Err }

// atSetting returns a copy of an *[Error] that points at the attribute of the setting that caused it, or at fallback if
// the setting has no attribute. If the value came from the environment, the copy names the variable. Any other error is
// returned unchanged.
func atSetting(err error, s Setting, fallback string) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	placed := *e
	placed.Attribute = s.attributeOr(fallback)
	if s.Env != "" {
		placed.Detail += " The value came from " + s.Source() + "."
	}
	return &placed
}

package auth

import "errors"

// Warning is a warning for the user at an attribute. Its summary ends with the object's name, because Terraform folds
// equal summaries.
type Warning struct{ Attribute, Summary, Detail string }

// Error is an error for the user at an attribute.
type Error struct {
	// Attribute is the dotted path in HCL of the setting that is wrong; "" when
	// no single one is.
	Attribute string
	// Summary is a fixed sentence, unique to one family of failures.
	Summary string
	// Detail is what happened and what to do next.
	Detail string
	// Code is the AADSTS number of Microsoft Entra ID's answer; 0 where it has none.
	Code int
	// CorrelationID names the refused request to Microsoft's support.
	CorrelationID string
	// Err is the cause, for errors.Is with context and network errors. It is
	// never MSAL's error for an HTTP answer: that one holds the request, and the
	// request holds the secret.
	Err error
}

func (e *Error) Error() string { return e.Summary + ": " + e.Detail }

func (e *Error) Unwrap() error { return e.Err }

// at returns err with the attribute of the setting that caused it, and with the source of the value where that is not
// the configuration. fallback is the attribute where the setting has none.
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

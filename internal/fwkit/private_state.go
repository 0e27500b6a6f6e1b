package fwkit

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// ReadablePrivate is the private state that comes with a request of Terraform.
type ReadablePrivate interface {
	GetKey(context.Context, string) ([]byte, diag.Diagnostics)
}

// WritablePrivate is the private state that a response to Terraform carries.
type WritablePrivate interface {
	SetKey(context.Context, string, []byte) diag.Diagnostics
}

// Remember stores a value in private state under a key, as JSON.
func Remember(ctx context.Context, p WritablePrivate, key string, value any, diags *diag.Diagnostics) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // cannot happen, because JSON can represent every type that the provider stores
	}
	diags.Append(p.SetKey(ctx, key, text)...)
}

// Forget deletes the value under a key from private state.
func Forget(ctx context.Context, p WritablePrivate, key string, diags *diag.Diagnostics) {
	diags.Append(p.SetKey(ctx, key, nil)...)
}

// RememberUnlessZero stores a value in private state. If the value is the zero value, it deletes the stored value
// instead.
func RememberUnlessZero[T comparable](
	ctx context.Context,
	p WritablePrivate,
	key string,
	value T,
	diags *diag.Diagnostics,
) {
	var zero T
	if value == zero {
		Forget(ctx, p, key, diags)
		return
	}
	Remember(ctx, p, key, value, diags)
}

// Recall returns the value that [Remember] stored in private state under a key; the zero value if nothing is stored.
func Recall[T any](ctx context.Context, p ReadablePrivate, key string, diags *diag.Diagnostics) (value T) {
	text, more := p.GetKey(ctx, key)
	diags.Append(more...)
	// The error is ignored: what Remember stored is valid JSON, and if nothing is stored, value stays zero.
	_ = json.Unmarshal(text, &value)
	return value
}

// writtenKey is the key of private state for the time at which the service accepted a write. A refresh soon afterwards
// may not show that write yet.
const writtenKey = "written"

// NoteWritten stores in private state when the object was created, by the service's clock.
func NoteWritten(ctx context.Context, p WritablePrivate, at time.Time, diags *diag.Diagnostics) {
	Remember(ctx, p, writtenKey, at.UTC(), diags)
}

// Written returns the time that [NoteWritten] stored in private state; the beginning of 1970 if nothing is stored.
func Written(ctx context.Context, p ReadablePrivate, diags *diag.Diagnostics) time.Time {
	if at := Recall[time.Time](ctx, p, writtenKey, diags); !at.IsZero() {
		return at
	}
	return time.Unix(0, 0)
}

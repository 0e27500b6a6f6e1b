package fwkit

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// ReadablePrivate is the private state of a request.
type ReadablePrivate interface {
	GetKey(context.Context, string) ([]byte, diag.Diagnostics)
}

// WritablePrivate is the private state of a response.
type WritablePrivate interface {
	SetKey(context.Context, string, []byte) diag.Diagnostics
}

// Remember stores a value in private state as JSON.
func Remember(ctx context.Context, p WritablePrivate, key string, value any, diags *diag.Diagnostics) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // the provider's own types, which JSON can write
	}
	diags.Append(p.SetKey(ctx, key, text)...)
}

// Forget deletes a value from private state.
func Forget(ctx context.Context, p WritablePrivate, key string, diags *diag.Diagnostics) {
	diags.Append(p.SetKey(ctx, key, nil)...)
}

// RememberUnlessZero stores a value, or deletes the stored one where it is the zero value.
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

// Recall reads what [Remember] stored; the zero value where nothing is stored.
func Recall[T any](ctx context.Context, p ReadablePrivate, key string, diags *diag.Diagnostics) (value T) {
	text, more := p.GetKey(ctx, key)
	diags.Append(more...)
	_ = json.Unmarshal(text, &value) // the provider wrote it; nothing stored is no JSON
	return value
}

// writtenKey holds, in private state, when the service accepted the write that a refresh may not show yet.
const writtenKey = "written"

// NoteWritten remembers in private state when, by the service's clock, the object was created.
func NoteWritten(ctx context.Context, p WritablePrivate, at time.Time, diags *diag.Diagnostics) {
	Remember(ctx, p, writtenKey, at.UTC(), diags)
}

// Written returns what [NoteWritten] remembered; a time long ago where nothing was.
func Written(ctx context.Context, p ReadablePrivate, diags *diag.Diagnostics) time.Time {
	if at := Recall[time.Time](ctx, p, writtenKey, diags); !at.IsZero() {
		return at
	}
	return time.Unix(0, 0)
}

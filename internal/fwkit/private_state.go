package fwkit

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

// writtenKey holds, in private state, when the service took the write that a refresh may not show yet.
const writtenKey = "written"

// private is the private state of a request or a response.
type private interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// NoteWritten remembers in private state when, by the service's clock, the object was made.
func NoteWritten(ctx context.Context, p private, at time.Time, diags *diag.Diagnostics) {
	value, err := json.Marshal(at.UTC())
	if err == nil {
		diags.Append(p.SetKey(ctx, writtenKey, value)...)
	}
}

// Written is what [NoteWritten] remembered; long ago when nothing was.
func Written(ctx context.Context, p private, diags *diag.Diagnostics) time.Time {
	value, more := p.GetKey(ctx, writtenKey)
	diags.Append(more...)
	at := time.Unix(0, 0)
	if value == nil || json.Unmarshal(value, &at) != nil {
		return time.Unix(0, 0)
	}
	return at
}

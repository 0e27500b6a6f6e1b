package auth

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Token is a bearer token. Package fmt prints only its expiry, never its value.
type Token struct {
	Value string
	// ExpiresAt is zero for a token whose expiry is not known.
	ExpiresAt time.Time
}

// Format writes the expiry, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) {
	if t.ExpiresAt.IsZero() {
		_, _ = io.WriteString(f, "token")
		return
	}
	_, _ = fmt.Fprintf(f, "token until %s", t.ExpiresAt.UTC().Format(time.RFC3339))
}

// LogValue returns the text that Format writes.
func (t Token) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(t)) }

// MarshalJSON returns the text that Format writes, as a JSON string, so that a structured log does not hold the value.
func (t Token) MarshalJSON() ([]byte, error) { return json.Marshal(fmt.Sprint(t)) }

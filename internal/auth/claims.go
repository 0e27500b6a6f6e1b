package auth

import (
	"encoding/json"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// Claims returns the claims of a JWT as JSON. It does not check the signature of the JWT, so the claims are for display
// and never for a decision.
func Claims(token string) (string, error) {
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, claims); err != nil {
		return "", fmt.Errorf("the token is not a JWT") // the library's error may quote the token
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("the token's claims are not JSON")
	}
	return string(text), nil
}

package fwkit

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// EndpointName returns a validator for the name of a serving endpoint, which becomes part of a URL. Its error says what
// the value is instead, for example an address.
func EndpointName() validator.String {
	return Checked("Not the name of a serving endpoint", checkEndpointName)
}

const longestEndpointName = 63

func checkEndpointName(name string) error {
	switch {
	case name == "":
		return errors.New("it is empty")
	case strings.Contains(name, "://"):
		return errors.New("it is an address; write the name alone, as the workspace's page Serving lists it")
	case name == "." || name == "..":
		return fmt.Errorf("%q is a step in a path, not a name", name)
	case len(name) > longestEndpointName:
		return fmt.Errorf(
			"it has %d characters, and the name of an endpoint has at most %d",
			len(name),
			longestEndpointName,
		)
	case strings.ContainsAny(name, `/\?#%`) || strings.ContainsFunc(name, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }):
		return errors.New("it has a character that is not allowed in the name of an endpoint")
	default:
		return nil
	}
}

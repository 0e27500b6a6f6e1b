package fwkit

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// EndpointName demands the name of a serving endpoint, and tells what else was given: it becomes part of a URL.
func EndpointName() validator.String {
	return Checked("Not the name of a serving endpoint", checkEndpointName)
}

const longestEndpointName = 63

func checkEndpointName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("it is empty")
	case strings.Contains(name, "://"):
		return fmt.Errorf("%q is an address; write the name alone, as the workspace's page Serving lists it", name)
	case name == "." || name == "..":
		return fmt.Errorf("%q is no name, but a step in a path", name)
	case len(name) > longestEndpointName:
		return fmt.Errorf(
			"it has %d characters, and the name of an endpoint has at most %d",
			len(name),
			longestEndpointName,
		)
	case strings.ContainsAny(name, `/\?#%`) || strings.ContainsFunc(name, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }):
		return fmt.Errorf("%q has a character that no endpoint's name has", name)
	default:
		return nil
	}
}

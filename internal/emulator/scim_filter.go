package emulator

import (
	"net/http"
	"slices"
	"strings"
)

// The filter language of RFC 7644 section 3.4.2.2, reduced to what
// docs.databricks.com/api/azure/workspace/serviceprincipals/list describes: eq, ne, co, sw (and pr), and, or,
// parentheses. Values are in double quotes, in single quotes, or unquoted.

type filter func(m map[string]any) bool

// maxFilterTerms is the largest number of terms that a filter may have.
const maxFilterTerms = 200

// filterAttributes are the attributes by which a list can be filtered and sorted. The key is the attribute in lower
// case; the value is its spelling in answers.
var filterAttributes = map[principalKind]map[string]string{
	servicePrincipalKind: attributeIndex("id", "externalId", "displayName", "applicationId", "active",
		"entitlements.value", "groups.value", "roles.value"),
	userKind: attributeIndex("id", "externalId", "displayName", "userName", "active", "entitlements.value",
		"groups.value", "emails.value"),
	groupKind: attributeIndex("id", "externalId", "displayName", "entitlements.value", "groups.value", "members.value",
		"roles.value"),
}

func attributeIndex(names ...string) map[string]string {
	index := map[string]string{}
	for _, name := range names {
		index[strings.ToLower(name)] = name
		if list, _, multi := strings.Cut(name, "."); multi {
			index[strings.ToLower(list)] = name
		}
	}
	return index
}

// attributeValues returns the values of an attribute in the JSON object of a SCIM resource.
func attributeValues(m map[string]any, attribute string) []string {
	attribute, _, _ = strings.Cut(attribute, ".")
	switch v := m[attribute].(type) {
	case string:
		return []string{v}
	case bool:
		if v {
			return []string{"true"}
		}
		return []string{"false"}
	case []complexValue:
		var list []string
		for _, c := range v {
			list = append(list, c.Value)
		}
		return list
	}
	return nil
}

type filterToken struct {
	text   string
	quoted bool
}

type filterParser struct {
	kind   principalKind
	tokens []filterToken
	terms  int
}

func badFilter() error {
	return scimRefuse(http.StatusBadRequest, "invalidFilter", "The specified filter syntax was invalid, or the "+
		"specified attribute and filter comparison combination is not supported.")
}

func parseFilter(kind principalKind, text string) (filter, error) {
	if strings.TrimSpace(text) == "" {
		return func(map[string]any) bool { return true }, nil
	}
	p := &filterParser{kind: kind}
	if err := p.split(text); err != nil {
		return nil, err
	}
	f, err := p.or()
	if err != nil {
		return nil, err
	}
	if len(p.tokens) > 0 {
		return nil, badFilter()
	}
	if p.terms > maxFilterTerms {
		return nil, scimRefuse(http.StatusBadRequest, "INVALID_FILTER", "The filter has more than %d terms.",
			maxFilterTerms)
	}
	return f, nil
}

func (p *filterParser) split(text string) error {
	for i := 0; i < len(text); {
		switch ch := text[i]; ch {
		case ' ', '\t':
			i++
		case '(', ')':
			p.tokens = append(p.tokens, filterToken{text: string(ch)})
			i++
		case '"', '\'':
			var value strings.Builder
			closed := false
			for i++; i < len(text) && !closed; i++ {
				switch {
				case text[i] == '\\' && i+1 < len(text):
					i++
					value.WriteByte(text[i])
				case text[i] == ch:
					closed = true
				default:
					value.WriteByte(text[i])
				}
			}
			if !closed {
				return badFilter()
			}
			p.tokens = append(p.tokens, filterToken{value.String(), true})
		default:
			end := i
			for end < len(text) && !strings.ContainsRune(" \t()\"'", rune(text[end])) {
				end++
			}
			p.tokens = append(p.tokens, filterToken{text: text[i:end]})
			i = end
		}
	}
	return nil
}

func (p *filterParser) next() (filterToken, bool) {
	if len(p.tokens) == 0 {
		return filterToken{}, false
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t, true
}

func (p *filterParser) accept(word string) bool {
	if len(p.tokens) == 0 || p.tokens[0].quoted || !strings.EqualFold(p.tokens[0].text, word) {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *filterParser) or() (filter, error) {
	left, err := p.and()
	for err == nil && p.accept("or") {
		var right filter
		if right, err = p.and(); err == nil {
			first := left
			left = func(m map[string]any) bool { return first(m) || right(m) }
		}
	}
	return left, err
}

func (p *filterParser) and() (filter, error) {
	left, err := p.term()
	for err == nil && p.accept("and") {
		var right filter
		if right, err = p.term(); err == nil {
			first := left
			left = func(m map[string]any) bool { return first(m) && right(m) }
		}
	}
	return left, err
}

func (p *filterParser) term() (filter, error) {
	if p.accept("(") {
		f, err := p.or()
		if err == nil && !p.accept(")") {
			err = badFilter()
		}
		return f, err
	}
	name, _ := p.next()
	operator, found := p.next()
	attribute, known := filterAttributes[p.kind][strings.ToLower(name.text)]
	if !found || name.quoted || operator.quoted || !known {
		return nil, badFilter()
	}
	p.terms++
	op := strings.ToLower(operator.text)
	if op == "pr" {
		return func(m map[string]any) bool { return len(attributeValues(m, attribute)) > 0 }, nil
	}
	value, found := p.next()
	if !found || !value.quoted && (value.text == "(" || value.text == ")") {
		return nil, badFilter()
	}
	// The real service answers an empty value with status 500 instead of 400.
	if value.text == "" && (op == "co" || op == "sw") {
		return nil, scimRefuse(http.StatusInternalServerError, "", "Index 1 out of bounds for length 1")
	}
	fold := strings.ToLower
	if attribute == "id" || attribute == "externalId" {
		fold = func(s string) string { return s }
	}
	compare, known := map[string]func(have, want string) bool{
		"eq": func(have, want string) bool { return have == want },
		"ne": func(have, want string) bool { return have == want },
		"co": strings.Contains,
		"sw": strings.HasPrefix,
	}[op]
	if !known {
		return nil, badFilter()
	}
	return func(m map[string]any) bool {
		matched := slices.ContainsFunc(attributeValues(m, attribute), func(have string) bool {
			return compare(fold(have), fold(value.text))
		})
		return matched != (op == "ne")
	}, nil
}

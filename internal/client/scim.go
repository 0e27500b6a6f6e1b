package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/web"
)

// SCIMOperation is one change in a PATCH request of SCIM.
type SCIMOperation struct {
	Op    string `json:"op"` // add, replace, remove
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"` // absent in a removal
}

// SCIMPatch is the body of a PATCH request of SCIM.
type SCIMPatch struct {
	Schemas    []string        `json:"schemas"`
	Operations []SCIMOperation `json:"Operations"`
}

// NewSCIMPatch returns the body of a PATCH request with these operations.
func NewSCIMPatch(operations ...SCIMOperation) SCIMPatch {
	return SCIMPatch{[]string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, operations}
}

// StaleFor is how long after a write SCIM may still return the old values.
const StaleFor = time.Minute

// AwaitSCIM calls look until look returns true, and reports whether it did. It gives up when SCIM can no longer lag
// behind a write; see [StaleFor]. written is when the service accepted the write; the zero time means just now. An
// error of look ends the calls. Each call after the first is logged.
func (c *Client) AwaitSCIM(
	ctx context.Context,
	written time.Time,
	object string,
	look func(context.Context) (bool, error),
) (bool, error) {
	began := time.Now()
	for try := 1; ; try++ {
		done, err := look(ctx)
		if done || err != nil {
			return done, err
		}
		// The write may be that of an earlier run on another machine, so the service's clock measures the time. This
		// machine's clock measures it, too, because the service's clock may stand still.
		now := c.Now()
		if written.IsZero() {
			written = now
		}
		if now.Sub(written) >= StaleFor || time.Since(began) >= StaleFor {
			return false, nil
		}
		tflog.Info(ctx, "waiting: the workspace still shows the old values after a change",
			map[string]any{"object": object, "try": try})
		if err := web.Pause(ctx, 2*time.Second); err != nil {
			return false, err
		}
	}
}

// SCIMEquals returns the SCIM filter that matches objects whose attribute has the value. The service ignores case.
func SCIMEquals(attribute, value string) string { return attribute + " eq " + SCIMString(value) }

// SCIMString returns a value for a SCIM filter, quoted as RFC 7644 demands: as a JSON string.
func SCIMString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

const scimRoot = "/api/2.0/preview/scim/v2/"

// scimPage is how many objects of a list one request asks for. The service may return fewer.
const scimPage = 10_000

// streamPage is how many objects of a list one request asks for if somebody waits for the first object.
const streamPage = 500

// scimResource is a service principal, a user or a group as SCIM writes it. A request leaves out empty fields.
type scimResource struct {
	Schemas       []string    `json:"schemas,omitempty"`
	ID            string      `json:"id,omitempty"`
	ApplicationID string      `json:"applicationId,omitempty"`
	UserName      string      `json:"userName,omitempty"`
	DisplayName   string      `json:"displayName,omitempty"`
	ExternalID    string      `json:"externalId,omitempty"`
	Active        *bool       `json:"active,omitempty"`
	Entitlements  []scimValue `json:"entitlements,omitempty"`
	Groups        []scimValue `json:"groups,omitempty"`
	Roles         []scimValue `json:"roles,omitempty"`
	Members       []scimValue `json:"members,omitempty"`
	Meta          struct {
		ResourceType string `json:"resourceType"`
	} `json:"meta,omitzero"`

	want            string // the requested id
	wantApplication string // the requested application id
}

// Lacks implements [Answer].
func (r *scimResource) Lacks(bool) string {
	if lack := CheckName("id", r.ID, r.want); lack != "" || r.wantApplication == "" {
		return lack
	}
	return CheckName("applicationId", r.ApplicationID, r.wantApplication)
}

// scimList is one page of a SCIM list. Even an empty page must show a total, or an empty list of Resources.
type scimList struct {
	TotalResults *int           `json:"totalResults"`
	Resources    []scimResource `json:"Resources"`

	first  bool
	filter string
}

func (l *scimList) Lacks(bool) string {
	switch {
	case l.TotalResults == nil && l.Resources == nil:
		return "the answer has neither totalResults nor Resources"
	case l.first && len(l.Resources) == 0 && l.TotalResults != nil && *l.TotalResults > 0:
		return fmt.Sprintf("the totalResults in the answer is %d, but the answer shows no resource", *l.TotalResults)
	}
	terms := equalities(l.filter)
	for i := range l.Resources {
		r := &l.Resources[i]
		if lack := r.Lacks(false); lack != "" {
			return "in one of its Resources " + lack
		}
		// If a proxy or a faulty service returns other objects, they do not show whether the requested object exists.
		if len(terms) > 0 && !slices.ContainsFunc(terms, r.matches) {
			return fmt.Sprintf("the answer has a resource that does not match the filter, with the id %s", clean(r.ID))
		}
	}
	return ""
}

// term is one alternative in a SCIM filter: attribute eq "value".
type term struct{ attribute, value string }

// matches reports whether the object's attribute has the value of the term. It ignores case, as SCIM does.
func (r *scimResource) matches(t term) bool {
	shown := map[string]string{
		"applicationId": r.ApplicationID, "displayName": r.DisplayName, "id": r.ID, "userName": r.UserName,
	}[t.attribute]
	return strings.EqualFold(shown, t.value)
}

// equalities returns the alternatives of a filter of the form a eq "b" or c eq "d", and nil for a filter of another
// form.
func equalities(filter string) (terms []term) {
	for filter != "" {
		attribute, rest, _ := strings.Cut(filter, " eq ")
		var value string
		decoder := json.NewDecoder(strings.NewReader(rest))
		if !slices.Contains([]string{"applicationId", "displayName", "id", "userName"}, attribute) ||
			decoder.Decode(&value) != nil {
			return nil
		}
		terms = append(terms, term{attribute, value})
		rest = rest[decoder.InputOffset():]
		var or bool
		if filter, or = strings.CutPrefix(rest, " or "); !or && rest != "" {
			return nil
		}
	}
	return terms
}

type scimValue struct {
	Value   string `json:"value"`
	Display string `json:"display,omitempty"`
	Ref     string `json:"$ref,omitempty"`
}

// SCIMValues returns a list of values as SCIM writes it.
func SCIMValues(of []string) []scimValue {
	var values []scimValue
	for _, v := range of {
		values = append(values, scimValue{Value: v})
	}
	return values
}

func fromValues(values []scimValue) []string {
	var of []string
	for _, v := range values {
		of = append(of, v.Value)
	}
	return of
}

// getSCIM reads the object with that SCIM id. One request.
func getSCIM[T any](ctx context.Context, c *Client, collection, id string, to func(scimResource) T) (T, error) {
	found := scimResource{want: id}
	err := c.Call(ctx, http.MethodGet, PathOf(scimRoot+collection, id), nil, nil, &found)
	return to(found), err
}

// listSCIM returns the objects on all pages of a SCIM list; see [pagesSCIM].
func listSCIM[T any](
	ctx context.Context,
	c *Client,
	collection string,
	query url.Values,
	to func(scimResource) T,
) ([]T, error) {
	var all []T
	err := pagesSCIM(ctx, c, collection, query, scimPage, func(page []scimResource) bool {
		all = slices.Grow(all, len(page))
		for _, r := range page {
			all = append(all, to(r))
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// eachSCIM calls visit for each object that [listSCIM] would return, until visit returns false. It is for a caller that
// shows objects as they arrive.
func eachSCIM[T any](
	ctx context.Context,
	c *Client,
	collection string,
	query url.Values,
	to func(scimResource) T,
	visit func(T) bool,
) error {
	return pagesSCIM(ctx, c, collection, query, streamPage, func(page []scimResource) bool {
		return !slices.ContainsFunc(page, func(r scimResource) bool { return !visit(to(r)) })
	})
}

// pagesSCIM reads a SCIM list page by page, and calls visit for each page until visit returns false. The SDK's own
// pager requests pages until one is empty, which doubles the requests of nearly every list. pagesSCIM stops at the
// total that the service returns with each page.
func pagesSCIM(
	ctx context.Context,
	c *Client,
	collection string,
	query url.Values,
	count int,
	visit func([]scimResource) bool,
) error {
	parameters := map[string]any{"count": count}
	for name := range query {
		if value := query.Get(name); value != "" {
			parameters[name] = value
		}
	}
	seen := map[string]bool{}
	for start := 1; ; {
		page := scimList{first: start == 1, filter: query.Get("filter")}
		parameters["startIndex"] = start
		if err := c.Call(ctx, http.MethodGet, scimRoot+collection, parameters, nil, &page); err != nil {
			return err
		}
		total := 0 // 0 means unknown
		if page.TotalResults != nil {
			total = *page.TotalResults
		}
		if len(page.Resources) == 0 {
			if start <= total {
				return fmt.Errorf("the service reported %d %s, but its list ended after %d: %w", total,
					collection, start-1, errPaging)
			}
			return nil
		}
		// If an object is added or deleted meanwhile, the objects after it move by one place, so an object may be on
		// two pages. If a page without any new object did not end the loop, the loop could be endless.
		fresh := page.Resources[:0]
		for _, r := range page.Resources {
			if !seen[r.ID] {
				seen[r.ID] = true
				fresh = append(fresh, r)
			}
		}
		if len(fresh) == 0 {
			return fmt.Errorf("the service sent the same page of %s twice: %w", collection, errPaging)
		}
		if err := Bounded(len(seen), collection); err != nil {
			return err
		}
		if count := len(page.Resources); !visit(fresh) {
			return nil
		} else if start += count; total > 0 && start > total {
			return nil
		}
	}
}

// errPaging is the error for a list whose pages repeat themselves, or end before the total is reached.
var errPaging = errors.New("the service ignores the requested page")

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/emulator"
)

// mostApplied is the largest number of instances that the benchmark creates with Terraform. For more instances, which
// would take Terraform many minutes, the state is copied from that of a few instances, and only the plan without
// changes is measured.
const mostApplied = 1000

// seedSize is the number of instances that Terraform creates for a state that is then enlarged by copies: one instance
// per resource block.
const seedSize = blocks

// grow creates the first instances with Terraform. Then it changes the state file and the emulated workspace as if
// Terraform had created all n instances.
func (r *run) grow(w workload, n int) error {
	if err := r.layOut(w.config(r.subject, seedSize)); err != nil {
		return err
	}
	seed := *r
	seed.instances = seedSize
	if _, err := seed.measure(create); err != nil {
		return err
	}
	replace := func(int) []string { return nil }
	if r.world != nil {
		var err error
		if replace, err = w.fill(r.world, n); err != nil {
			return err
		}
	}
	if err := r.layOut(w.config(r.subject, n)); err != nil {
		return err
	}
	return growState(filepath.Join(r.dir, "terraform.tfstate"), n/blocks, func(i int) []string {
		return append(w.texts(i), replace(i)...)
	})
}

// growState gives each resource in the state file the given number of instances. Each instance is a copy of the first
// one with its texts replaced. The first instance of the b-th resource is instance b of the workload before growState,
// and instance b × each after it.
func growState(file string, each int, texts func(i int) []string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var state map[string]json.RawMessage
	var resources []map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(content, &state), json.Unmarshal(state["resources"], &resources)); err != nil {
		return err
	}
	for _, resource := range resources {
		var name string
		var instances []json.RawMessage
		if err := errors.Join(json.Unmarshal(resource["name"], &name), json.Unmarshal(resource["instances"],
			&instances)); err != nil {
			return err
		}
		b, err := strconv.Atoi(strings.TrimPrefix(name, "b"))
		if err != nil || len(instances) != 1 {
			return fmt.Errorf("resource %s has %d instances in the state: %w", name, len(instances), err)
		}
		first, old := instances[0], texts(b)
		instances = instances[:0]
		for k := range each {
			var pairs []string
			for j, text := range texts(b*each + k) {
				pairs = append(pairs, old[j], text)
			}
			copied := strings.NewReplacer(pairs...).Replace(string(first))
			instances = append(instances,
				json.RawMessage(strings.Replace(copied, `"index_key": 0`, fmt.Sprintf(`"index_key": %d`, k), 1)))
		}
		if resource["instances"], err = json.Marshal(instances); err != nil {
			return err
		}
	}
	if state["resources"], err = json.Marshal(resources); err != nil {
		return err
	}
	if content, err = json.Marshal(state); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}

// fillPrincipals adds n service principals to the emulated workspace. It returns a function that returns the SCIM id of
// the i-th service principal.
func fillPrincipals(w *world, n int) (texts func(int) []string, err error) {
	const path = "/api/2.0/preview/scim/v2/ServicePrincipals"
	ids := map[string]string{}
	for start := 1; ; {
		var page struct {
			TotalResults int `json:"totalResults"`
			Resources    []struct {
				ID            string `json:"id"`
				ApplicationID string `json:"applicationId"`
			}
		}
		if err := w.asPerson(http.MethodGet, fmt.Sprintf("%s?count=10000&startIndex=%d", path, start), nil,
			&page); err != nil {
			return nil, err
		}
		for _, sp := range page.Resources {
			ids[sp.ApplicationID] = sp.ID
		}
		if start += len(page.Resources); start > page.TotalResults || len(page.Resources) == 0 {
			break
		}
	}
	for i := range n {
		if ids[newApplicationID(i)] != "" {
			continue
		}
		var made struct {
			ID string `json:"id"`
		}
		body := map[string]any{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal"}, "applicationId": newApplicationID(i),
			"displayName": newDisplayName(i), "active": true,
		}
		if err := w.asPerson(http.MethodPost, path, body, &made); err != nil {
			return nil, err
		}
		ids[newApplicationID(i)] = made.ID
	}
	return func(i int) []string { return []string{`"` + ids[newApplicationID(i)] + `"`} }, nil
}

// fillGrants grants CAN_QUERY on the first endpoint to n service principals.
func fillGrants(w *world, n int) (func(int) []string, error) {
	var endpoint struct {
		ID string `json:"id"`
	}
	if err := w.asPerson(http.MethodGet, "/api/2.0/serving-endpoints/"+emulator.CrowdEndpoint(0), nil,
		&endpoint); err != nil {
		return nil, err
	}
	grants := make([]map[string]string, n)
	for i := range n {
		grants[i] = map[string]string{"service_principal_name": emulator.CrowdApplicationID(i),
			"permission_level": "CAN_QUERY"}
	}
	return func(int) []string { return nil },
		w.asPerson(http.MethodPatch, "/api/2.0/permissions/serving-endpoints/"+endpoint.ID,
			map[string]any{"access_control_list": grants}, nil)
}

// asPerson sends a request to the emulated workspace as the person who created the endpoints, who is an admin.
func (w *world) asPerson(method, path string, body, into any) error {
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(w.ctx, method, w.Env["DBXACCESS_HOST"]+path, &text)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+w.Env["EMULATOR_PERSON_TOKEN"])
	return w.send(r, into)
}

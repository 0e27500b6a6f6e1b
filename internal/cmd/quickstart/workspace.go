package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The functions of this file send plain HTTP requests, as a person would with curl. They do not use the provider, so
// that they check the provider's results independently.

const databricks = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"

const flowers = `{"dataframe_records": [
  {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2},
  {"sepal_length": 6.3, "sepal_width": 3.3, "petal_length": 6.0, "petal_width": 2.5}]}`

// send sends one request and returns the status and the body of the answer.
func (d *demo) send(method, address, bearer, contentType, body string) (int, []byte, error) {
	return d.sendBy(nil, method, address, bearer, contentType, body)
}

// sendByName sends one request through the emulator's proxy, for services that can only be reached under their real
// host names. It returns the status and the body of the answer.
func (d *demo) sendByName(method, address, bearer, contentType, body string) (int, []byte, error) {
	proxy, err := url.Parse(d.env["EMULATOR_PROXY_URL"])
	if err != nil {
		return 0, nil, err
	}
	return d.sendBy(http.ProxyURL(proxy), method, address, bearer, contentType, body)
}

func (d *demo) sendBy(
	proxy func(*http.Request) (*url.URL, error), method, address, bearer, contentType, body string,
) (int, []byte, error) {
	client, err := d.emulator.Client()
	if err != nil {
		return 0, nil, err
	}
	client.Transport.(*http.Transport).Proxy = proxy
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(d.ctx, method, address, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", contentType)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, bytes.TrimSpace(answer), err
}

// person sends a request to the workspace as the person who owns the endpoint. It returns an error unless the request
// succeeds.
func (d *demo) person(method, path, body string, into any) error {
	status, answer, err := d.send(method, d.env["DBXACCESS_HOST"]+path, d.env["EMULATOR_PERSON_TOKEN"],
		"application/json", body)
	if err != nil {
		return err
	}
	if status >= 300 {
		return fmt.Errorf("%s %s as the person: %d %s", method, path, status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// entraToken logs in as the application, with its client secret, and returns the application's Entra ID access token.
func (d *demo) entraToken() (string, error) {
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {d.env["TF_VAR_scoring_application_id"]},
		"client_secret": {d.env["TF_VAR_scoring_client_secret"]}, "scope": {databricks + "/.default"},
	}
	status, answer, err := d.send(http.MethodPost, d.env["ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST"]+"/"+
		d.env["ARM_TENANT_ID"]+"/oauth2/v2.0/token",
		"", "application/x-www-form-urlencoded", form.Encode())
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", fmt.Errorf("the application cannot log in to Entra ID: %d %s", status, answer)
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	return token.AccessToken, json.Unmarshal(answer, &token)
}

func (d *demo) ask(bearer string) (int, []byte, error) {
	return d.send(http.MethodPost, d.env["DBXACCESS_HOST"]+"/serving-endpoints/iris/invocations", bearer,
		"application/json", flowers)
}

// scores sends two flowers to the model with the given token. It returns an error unless the model answers with the
// correct species.
func (d *demo) scores(who, bearer string) error {
	status, answer, err := d.ask(bearer)
	if err != nil {
		return err
	}
	var scored struct {
		Predictions []string `json:"predictions"`
	}
	if status != http.StatusOK || json.Unmarshal(answer, &scored) != nil ||
		!slices.Equal(scored.Predictions, []string{"setosa", "virginica"}) {
		return fmt.Errorf("scoring with %s: expected setosa and virginica, saw %d %s", who, status, answer)
	}
	d.saw(who+" to score a setosa and a virginica", fmt.Sprintf("%d %s", status, answer))
	return nil
}

// refused sends two flowers to the model with the given token. It returns an error unless the workspace answers 401 or
// 403.
func (d *demo) refused(who, bearer string) error {
	status, answer, err := d.ask(bearer)
	if err != nil {
		return err
	}
	if status != http.StatusUnauthorized && status != http.StatusForbidden {
		return fmt.Errorf("scoring with %s: expected a refusal, saw %d %s", who, status, answer)
	}
	var refusal struct {
		Message string `json:"message"`
	}
	if err := json.Unmarshal(answer, &refusal); err != nil {
		return err
	}
	d.saw(who+" to be refused", fmt.Sprintf("%d %s", status, refusal.Message))
	return nil
}

type accessList struct {
	Entries []struct {
		User             string `json:"user_name,omitempty"`
		Group            string `json:"group_name,omitempty"`
		ServicePrincipal string `json:"service_principal_name,omitempty"`
		All              []struct {
			Level     string `json:"permission_level"`
			Inherited bool   `json:"inherited"`
		} `json:"all_permissions"`
	} `json:"access_control_list"`
}

func (d *demo) endpointID() (string, error) {
	var endpoint struct {
		ID string `json:"id"`
	}
	return endpoint.ID, d.person(http.MethodGet, "/api/2.0/serving-endpoints/iris", "", &endpoint)
}

// removeGrant replaces the endpoint's access list with a list that does not contain the application.
func (d *demo) removeGrant() error {
	id, err := d.endpointID()
	if err != nil {
		return err
	}
	return d.person(http.MethodPut, "/api/2.0/permissions/serving-endpoints/"+id,
		`{"access_control_list": [{"user_name": "ada@example.com", "permission_level": "CAN_MANAGE"}]}`, nil)
}

func (d *demo) recreateEndpoint() error {
	if err := d.person(http.MethodDelete, "/api/2.0/serving-endpoints/iris", "", nil); err != nil {
		return err
	}
	return d.person(http.MethodPost, "/api/2.0/serving-endpoints",
		`{"name": "iris", "config": {"served_entities": [{"name": "iris-1", "entity_name": "main.models.iris", "entity_version": "1", "workload_size": "Small", "scale_to_zero_enabled": true}]}}`, nil)
}

// revokeToken revokes a token as an admin. It computes the token's id, which is the SHA-256 hash of the token's value.
func (d *demo) revokeToken(value string) error {
	sum := sha256.Sum256([]byte(value))
	return d.person(http.MethodDelete, "/api/2.0/token-management/tokens/"+hex.EncodeToString(sum[:]), "", nil)
}

// workspace returns the sorted list of all service principals, direct grants and tokens, so that two states of the
// workspace can be compared.
func (d *demo) workspace() ([]string, error) {
	var lines []string
	var principals struct {
		Resources []struct {
			ApplicationID string `json:"applicationId"`
		} `json:"Resources"`
	}
	var tokens struct {
		Infos []struct {
			ID string `json:"token_id"`
		} `json:"token_infos"`
	}
	id, err := d.endpointID()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(
		d.person(http.MethodGet, "/api/2.0/preview/scim/v2/ServicePrincipals", "", &principals),
		d.person(http.MethodGet, "/api/2.0/token-management/tokens", "", &tokens),
	); err != nil {
		return nil, err
	}
	for _, p := range principals.Resources {
		lines = append(lines, "principal "+p.ApplicationID)
	}
	for _, t := range tokens.Infos {
		lines = append(lines, "token "+t.ID)
	}
	for what, path := range map[string]string{"endpoint iris": "serving-endpoints/" + id,
		"tokens": "authorization/tokens"} {
		var list accessList
		if err := d.person(http.MethodGet, "/api/2.0/permissions/"+path, "", &list); err != nil {
			return nil, err
		}
		for _, e := range list.Entries {
			for _, p := range e.All {
				if !p.Inherited {
					lines = append(lines, fmt.Sprintf("%s: %s%s%s %s", what, e.User, e.Group, e.ServicePrincipal,
						p.Level))
				}
			}
		}
	}
	slices.Sort(lines)
	return lines, nil
}

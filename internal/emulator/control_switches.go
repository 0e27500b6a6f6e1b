package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
)

// The JSON of [Tenant.Control] names each switch like its field in [Switches], [WorkspaceSwitches] or [VaultSwitches].
// A duration is text such as "24h".

// choices lists the allowed values of each switch type that has a fixed set of values.
var choices = map[reflect.Type][]string{
	reflect.TypeFor[ExpiredTokenAnswer](): {string(ExpiredTokenUnauthorized), string(ExpiredTokenForbidden),
		string(ExpiredTokenThirtySecs),
		string(ExpiredTokenBadRequest)},
	reflect.TypeFor[NotAMemberAnswer](): {string(NotAMemberForbidden), string(NotAMemberPage),
		string(NotAMemberUnauthorized)},
	reflect.TypeFor[NetworkAnswer](): {string(NetworkOpen), string(NetworkIPAccessList), string(NetworkPolicy),
		string(NetworkPolicyAsText),
		string(NetworkPrivateLink)},
	reflect.TypeFor[RenameAnswer](): {string(RenameApplied), string(RenameRefused), string(RenameIgnored)},
	reflect.TypeFor[OrgIDHeader]():  {string(OrgIDOnEveryAnswer), string(OrgIDOnMe), string(OrgIDNowhere)},
	reflect.TypeFor[HostMetadata](): {string(HostMetadataFull), string(HostMetadataWithoutWorkspaceID),
		string(HostMetadataMissing)},
}

// switchesRoutes registers the routes that read and change the switches of the tenant, its workspaces and its vaults.
func (t *Tenant) switchesRoutes(mux *http.ServeMux, workspaces []*Workspace) {
	serve := func(path string, find func(name string) (held any, set func(any))) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			if held, _ := find(r.PathValue("name")); held != nil {
				controlJSON(w, http.StatusOK, switchesJSON(held))
				return
			}
			http.NotFound(w, r)
		})
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			held, set := find(r.PathValue("name"))
			if held == nil {
				http.NotFound(w, r)
				return
			}
			var body map[string]json.RawMessage
			if !controlDecode(w, r, &body) {
				return
			}
			changed, err := changeSwitches(held, body)
			if err != nil {
				controlRefuse(w, err)
				return
			}
			set(changed)
			controlJSON(w, http.StatusOK, switchesJSON(changed))
		})
	}
	serve("/switches", func(string) (any, func(any)) {
		return t.Switches(), func(s any) { t.SetSwitches(s.(Switches)) }
	})
	serve("/workspaces/{name}/switches", func(id string) (any, func(any)) {
		i := slices.IndexFunc(workspaces, func(w *Workspace) bool { return w.ID() == id })
		if i < 0 {
			return nil, nil
		}
		return workspaces[i].Switches(), func(s any) { workspaces[i].SetSwitches(s.(WorkspaceSwitches)) }
	})
	serve("/vaults/{name}/switches", func(name string) (any, func(any)) {
		v := t.Vault(name)
		if v == nil {
			return nil, nil
		}
		return v.Switches(), func(s any) { v.SetSwitches(s.(VaultSwitches)) }
	})
}

var duration = reflect.TypeFor[time.Duration]()

// switchesJSON returns every switch by its name, including the switches that are off. It writes durations as text.
func switchesJSON(switches any) map[string]any {
	v := reflect.ValueOf(switches)
	shown := map[string]any{}
	for i := range v.NumField() {
		shown[v.Type().Field(i).Name] = v.Field(i).Interface()
		if v.Field(i).Type() == duration {
			shown[v.Type().Field(i).Name] = time.Duration(v.Field(i).Int()).String()
		}
	}
	return shown
}

// changeSwitches returns a copy of switches with the new values from named. It fails if named contains a name that is
// no switch.
func changeSwitches(switches any, named map[string]json.RawMessage) (any, error) {
	changed := reflect.New(reflect.TypeOf(switches)).Elem()
	changed.Set(reflect.ValueOf(switches))
	for name, raw := range named {
		field := changed.FieldByName(name)
		if !field.IsValid() {
			return nil, fmt.Errorf("there is no switch %q", name)
		}
		if err := setSwitch(field, raw); err != nil {
			return nil, fmt.Errorf("switch %s: %w", name, err)
		}
	}
	return changed.Interface(), nil
}

func setSwitch(field reflect.Value, raw json.RawMessage) error {
	if field.Type() == duration {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return errors.New(`a duration is text such as "24h"`)
		}
		d, err := time.ParseDuration(text)
		field.SetInt(int64(d))
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.DisallowUnknownFields()
	value := reflect.New(field.Type())
	if err := decoder.Decode(value.Interface()); err != nil {
		return err
	}
	if allowed, fixed := choices[field.Type()]; fixed && !slices.Contains(allowed, value.Elem().String()) {
		return fmt.Errorf("must be one of %q", allowed)
	}
	field.Set(value.Elem())
	return nil
}

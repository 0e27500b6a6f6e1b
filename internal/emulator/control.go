package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// Control returns a handler for another process that controls the emulator, when the emulator runs as a program: it
// moves the clock, declares faults, sets the latency and reads the journal. Control imitates no real service. It is as
// strict as the emulated services: a misspelt field is an error, because a fault declared without that field might
// never act. It speaks JSON:
//
//	GET    /journal   the entries, oldest first
//	DELETE /journal   deletes all entries
//	GET    /clock     {"now":"…","offset_seconds":n}
//	POST   /clock     {"advance_seconds":n}; answers like GET
//	GET    /faults    {"unmet":[…]}, the faults that have hit no request
//	POST   /faults    one fault; answers {"id":n}
//	DELETE /faults    withdraws all faults
//	GET    /latency   {"milliseconds":n}
//	POST   /latency   {"milliseconds":n}; answers like GET
//	POST   /access-tokens/revoke  {"after_uses":n}; see [Tenant.RevokeAccessTokens]
//	GET    /workspaces  the ids of the served workspaces, in the order of the arguments
//	GET    /switches, /workspaces/{id}/switches, /vaults/{name}/switches
//	                  the switches of Entra ID, of a workspace, of a vault
//	POST   the same   {"NoTokenUpdates":true,"LastUsedDelay":"24h"}: the switches to change; answers like GET
func (t *Tenant) Control(workspaces ...*Workspace) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /journal", func(w http.ResponseWriter, _ *http.Request) {
		controlJSON(w, http.StatusOK, t.Journal.Entries())
	})
	mux.HandleFunc("DELETE /journal", func(w http.ResponseWriter, _ *http.Request) {
		t.Journal.Reset()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /clock", func(w http.ResponseWriter, _ *http.Request) {
		controlJSON(w, http.StatusOK, t.clockState())
	})
	mux.HandleFunc("POST /clock", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			AdvanceSeconds *int64 `json:"advance_seconds"`
		}
		if !controlDecode(w, r, &body) {
			return
		}
		if body.AdvanceSeconds == nil {
			controlRefuse(w, errors.New("advance_seconds is required"))
			return
		}
		// A larger number would overflow the multiplication below. A century is enough for any test.
		const century = 100 * 366 * 24 * 60 * 60
		if *body.AdvanceSeconds > century || *body.AdvanceSeconds < -century {
			controlRefuse(w, errors.New("advance_seconds is out of range"))
			return
		}
		t.Clock.Advance(time.Duration(*body.AdvanceSeconds) * time.Second)
		controlJSON(w, http.StatusOK, t.clockState())
	})
	mux.HandleFunc("GET /faults", func(w http.ResponseWriter, _ *http.Request) {
		unmet := []controlFault{}
		for _, f := range t.Faults.Unmet() {
			unmet = append(unmet, controlFaultOf(f))
		}
		controlJSON(w, http.StatusOK, map[string]any{"unmet": unmet})
	})
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var body controlFault
		if !controlDecode(w, r, &body) {
			return
		}
		// Go code may declare a fault for any service name, because a test may add a service. Another process can only
		// reach the services in this list.
		if !slices.Contains(services, body.Service) {
			controlRefuse(w, fmt.Errorf("service must be one of %q", services))
			return
		}
		id, err := t.Faults.add(body.fault())
		if err != nil {
			controlRefuse(w, err)
			return
		}
		controlJSON(w, http.StatusCreated, map[string]int{"id": id})
	})
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		t.Faults.Clear()
		w.WriteHeader(http.StatusNoContent)
	})
	t.Latency.controlRoutes(mux)
	t.switchesRoutes(mux, workspaces)
	t.revocationRoute(mux)
	mux.HandleFunc("GET /workspaces", func(w http.ResponseWriter, _ *http.Request) {
		ids := []string{}
		for _, workspace := range workspaces {
			ids = append(ids, workspace.ID())
		}
		controlJSON(w, http.StatusOK, ids)
	})
	return mux
}

// services are the names that the journal and faults use for the services of a tenant.
var services = []string{"entra", "workspace", "serving", "vault", "arm", "imds", "issuer", "github", "azuredevops",
	"proxy"}

func (t *Tenant) clockState() map[string]any {
	return map[string]any{
		"now":            t.Clock.Now().Format(time.RFC3339),
		"offset_seconds": int64(t.Clock.Offset() / time.Second),
	}
}

// controlFault is a [Fault] in the JSON of [Tenant.Control].
type controlFault struct {
	Service           string `json:"service"`
	Method            string `json:"method,omitempty"`
	Path              string `json:"path,omitempty"`
	After             int    `json:"after,omitempty"`
	Times             int    `json:"times,omitempty"`
	Status            int    `json:"status,omitempty"`
	Code              string `json:"code,omitempty"`
	Message           string `json:"message,omitempty"`
	HTML              bool   `json:"html,omitempty"`
	Body              string `json:"body,omitempty"`
	ContentType       string `json:"content_type,omitempty"`
	RetryAfterSeconds int    `json:"retry_after_seconds,omitempty"`
	Drop              string `json:"drop,omitempty"`
	DelayMilliseconds int64  `json:"delay_milliseconds,omitempty"`
	WorkDone          bool   `json:"work_done,omitempty"`

	Empty    bool              `json:"empty,omitempty"`
	Location string            `json:"location,omitempty"`
	Header   map[string]string `json:"header,omitempty"`
	Truncate bool              `json:"truncate,omitempty"`
}

func (c controlFault) fault() Fault {
	return Fault{
		Service: c.Service, Method: c.Method, Path: c.Path, After: c.After, Times: c.Times,
		Status: c.Status, Code: c.Code, Message: c.Message, HTML: c.HTML, Body: c.Body, ContentType: c.ContentType,
		RetryAfter: c.RetryAfterSeconds, Drop: c.Drop, Delay: time.Duration(c.DelayMilliseconds) * time.Millisecond,
		WorkDone: c.WorkDone,
		Empty:    c.Empty, Location: c.Location, Header: c.Header, Truncate: c.Truncate,
	}
}

func controlFaultOf(f Fault) controlFault {
	return controlFault{
		Service: f.Service, Method: f.Method, Path: f.Path, After: f.After, Times: f.Times,
		Status: f.Status, Code: f.Code, Message: f.Message, HTML: f.HTML, Body: f.Body, ContentType: f.ContentType,
		RetryAfterSeconds: f.RetryAfter, Drop: f.Drop, DelayMilliseconds: f.Delay.Milliseconds(), WorkDone: f.WorkDone,
		Empty: f.Empty, Location: f.Location, Header: f.Header, Truncate: f.Truncate,
	}
}

func controlDecode(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		controlRefuse(w, err)
		return false
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		controlRefuse(w, errors.New("more than one JSON value"))
		return false
	}
	return true
}

func controlRefuse(w http.ResponseWriter, err error) {
	controlJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
}

func controlJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

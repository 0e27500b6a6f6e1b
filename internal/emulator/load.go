package emulator

import (
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// A Latency is the time, in real time, that every answer of a tenant's services takes at least, as over a network. The
// zero value adds no time.
type Latency struct{ nanoseconds atomic.Int64 }

// Set makes every later answer take at least this long.
func (l *Latency) Set(d time.Duration) { l.nanoseconds.Store(int64(d)) }

// Get returns how long every answer takes at least.
func (l *Latency) Get() time.Duration { return time.Duration(l.nanoseconds.Load()) }

// pass waits for the latency. If the caller cancels the request meanwhile, pass ends it.
func (l *Latency) pass(r *http.Request) {
	d := l.Get()
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

func (l *Latency) controlRoutes(mux *http.ServeMux) {
	answer := func(w http.ResponseWriter) {
		controlJSON(w, http.StatusOK, map[string]int64{"milliseconds": l.Get().Milliseconds()})
	}
	mux.HandleFunc("GET /latency", func(w http.ResponseWriter, _ *http.Request) { answer(w) })
	mux.HandleFunc("POST /latency", func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Milliseconds *int64 `json:"milliseconds"`
		}
		if !controlDecode(w, r, &body) {
			return
		}
		const most = 60 * 1000
		if body.Milliseconds == nil || *body.Milliseconds < 0 || *body.Milliseconds > most {
			controlRefuse(w, errors.New("milliseconds is required, from 0 to 60000"))
			return
		}
		l.Set(time.Duration(*body.Milliseconds) * time.Millisecond)
		answer(w)
	})
}

// Crowd fills the scenario's workspace for a measurement. It adds n service principals, with the application ids of
// [CrowdApplicationID], and n serving endpoints that the person created, with the names of [CrowdEndpoint]. Both are
// numbered from 0.
func (s *Scenario) Crowd(n int) {
	for i := range n {
		s.Workspace.AddServicePrincipal(CrowdApplicationID(i), fmt.Sprintf("crowd %d", i))
		s.Workspace.CreateEndpoint(CrowdEndpoint(i), s.PersonName)
	}
}

// CrowdApplicationID returns the application id of the service principal with number i that [Scenario.Crowd] adds.
func CrowdApplicationID(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

// CrowdEndpoint returns the name of the serving endpoint with number i that [Scenario.Crowd] adds.
func CrowdEndpoint(i int) string { return fmt.Sprintf("crowd-%d", i) }

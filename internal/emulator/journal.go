package emulator

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
)

// An Entry describes one request that a service received. It contains no body and no header values, so a failing test
// can print the journal without printing a secret.
type Entry struct {
	Time    time.Time `json:"time"`
	Service string    `json:"service"`
	Method  string    `json:"method"`
	// Route is the route pattern that matched the request, with placeholders for names, such as
	// /api/2.0/serving-endpoints/{name}. It is empty if no route matched.
	Route string `json:"route"`
	Path  string `json:"path"`
	Query string `json:"query"`
	// Status is the status of the answer; 0 if the connection was dropped.
	Status int `json:"status"`
	// Caller is the name of the principal that sent the request, never a token. It is empty if the service refused the
	// request before it knew the principal.
	Caller string `json:"caller"`
}

// A Journal is the list of all requests that a tenant's services received, oldest first.
type Journal struct {
	mu      sync.Mutex
	entries []Entry
}

// Entries returns a copy of all entries of the journal.
func (j *Journal) Entries() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]Entry{}, j.entries...)
}

// Reset deletes all entries of the journal.
func (j *Journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = nil
}

// Count returns the number of entries with this service and this method whose route contains routeSubstring. An empty
// argument matches everything.
func (j *Journal) Count(service, method, routeSubstring string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, e := range j.entries {
		if service != "" && e.Service != service {
			continue
		}
		if method != "" && e.Method != method {
			continue
		}
		if strings.Contains(e.Route, routeSubstring) {
			n++
		}
	}
	return n
}

func (j *Journal) add(e Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
}

// A journalNote is what a handler reports about its request to the journal. The request's context holds a pointer to
// it: only the inner handler knows the caller, and only the outer handler, instrument, knows the status.
type journalNote struct {
	route, caller string
}

type journalNoteKey struct{}

func withJournalNote(r *http.Request) (*http.Request, *journalNote) {
	note := &journalNote{}
	return r.WithContext(context.WithValue(r.Context(), journalNoteKey{}, note)), note
}

// noteCaller records in the journal which principal sent a request.
func noteCaller(r *http.Request, caller string) {
	if note, ok := r.Context().Value(journalNoteKey{}).(*journalNote); ok {
		note.caller = caller
	}
}

// routeOf returns an http.ServeMux pattern without the HTTP method that it may begin with.
func routeOf(pattern string) string {
	if _, route, found := strings.Cut(pattern, " "); found {
		return strings.TrimLeft(route, " \t")
	}
	return pattern
}

package emulator

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
)

// An Entry is one request as a service saw it. It holds neither bodies nor
// header values, so a journal can be printed by a failing test without printing
// a secret.
type Entry struct {
	Time    time.Time `json:"time"`
	Service string    `json:"service"`
	Method  string    `json:"method"`
	// Route is the pattern that matched, with names as placeholders
	// (/api/2.0/serving-endpoints/{name}); empty if no route matched.
	Route string `json:"route"`
	Path  string `json:"path"`
	Query string `json:"query"`
	// Status is the answer's status; 0 if the connection was dropped.
	Status int `json:"status"`
	// Caller is the principal the service resolved, never a token; empty if the
	// service did not get that far.
	Caller string `json:"caller"`
}

// A Journal is what was asked of the services, oldest first.
type Journal struct {
	mu      sync.Mutex
	entries []Entry
}

// Entries is a copy of the journal.
func (j *Journal) Entries() []Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]Entry{}, j.entries...)
}

// Reset forgets everything asked so far.
func (j *Journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = nil
}

// Count is the number of requests of that service and method whose route
// contains routeSubstring. An empty argument matches all.
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

// journalNote is what a handler tells the journal about its request. It travels
// as a pointer in the request's context because only the handler, deep inside,
// knows the caller, while only instrument, outside, knows the status.
type journalNote struct {
	route, caller string
}

type journalNoteKey struct{}

func withJournalNote(r *http.Request) (*http.Request, *journalNote) {
	note := &journalNote{}
	return r.WithContext(context.WithValue(r.Context(), journalNoteKey{}, note)), note
}

// noteCaller records the principal a request was resolved to.
func noteCaller(r *http.Request, caller string) {
	if note, ok := r.Context().Value(journalNoteKey{}).(*journalNote); ok {
		note.caller = caller
	}
}

// routeOf strips the method that an http.ServeMux pattern may begin with.
func routeOf(pattern string) string {
	if _, route, found := strings.Cut(pattern, " "); found {
		return strings.TrimLeft(route, " \t")
	}
	return pattern
}

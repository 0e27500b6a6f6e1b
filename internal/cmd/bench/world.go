package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/cmd/local"
)

// A world is a new emulator in a process of its own, so that its CPU time and memory are not counted as the provider's.
type world struct {
	*local.Emulator
	ctx    context.Context
	client *http.Client
}

func (b *bench) newWorld(dir string, n int, latency time.Duration) (*world, error) {
	e, err := local.StartEmulator(b.ctx, b.emulator, filepath.Join(dir, "world"), "-crowd", strconv.Itoa(n))
	if err != nil {
		return nil, err
	}
	client, err := e.Client()
	if err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	w := &world{e, b.ctx, client}
	if err := w.control(http.MethodPost, "/latency", map[string]int64{"milliseconds": latency.Milliseconds()},
		nil); err != nil {
		return nil, errors.Join(err, w.Stop())
	}
	return w, nil
}

// providerEnv returns the environment variables with which a provider finds the emulator and logs in.
func (w *world) providerEnv() []string {
	var env []string
	for name, value := range w.Env {
		if strings.HasPrefix(name, "DBXACCESS_") || strings.HasPrefix(name, "ARM_") {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// asked returns the number of requests since its last call, by service, method and route.
func (w *world) asked() (map[string]int, error) {
	var journal []struct{ Service, Method, Route string }
	if err := w.control(http.MethodGet, "/journal", nil, &journal); err != nil {
		return nil, err
	}
	counts := map[string]int{}
	for _, e := range journal {
		counts[e.Service+" "+e.Method+" "+e.Route]++
	}
	return counts, w.control(http.MethodDelete, "/journal", nil, nil)
}

func (w *world) control(method, path string, body, into any) error {
	var text bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(w.ctx, method, w.Env["EMULATOR_CONTROL_URL"]+path, &text)
	if err != nil {
		return err
	}
	return w.send(r, into)
}

func (w *world) send(r *http.Request, into any) error {
	answer, err := w.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("the emulator answers %s to %s %s", answer.Status, r.Method, r.URL)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

package storm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-log/tflogtest"
	"github.com/hashicorp/terraform-plugin-log/tfsdklogtest"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

// caller is the test object that calls to the provider receive. It records failures and ends only the failed call. A
// failed test inside a synctest bubble would end the bubble while goroutines still run in it.
type caller struct {
	testing.TB
	ctx    context.Context
	mu     sync.Mutex
	failed []string
}

type ended struct{} // the value with which a call that cannot continue panics

func (c *caller) Helper()                  {}
func (c *caller) Context() context.Context { return c.ctx }
func (c *caller) Errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = append(c.failed, fmt.Sprintf(format, args...))
}
func (c *caller) Error(args ...any)                 { c.Errorf("%s", fmt.Sprint(args...)) }
func (c *caller) Fatal(args ...any)                 { c.Error(args...); panic(ended{}) }
func (c *caller) Fatalf(format string, args ...any) { c.Errorf(format, args...); panic(ended{}) }

// try runs calls until one of them cannot continue. It records a panic as a failure.
func (c *caller) try(calls func()) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(ended); !ok {
				c.Errorf("panic: %v", r)
			}
		}
	}()
	calls()
}

// process is a provider process as Terraform starts it for a command. It has its own addresses of the services, so that
// a killed process has no network, whatever it still does.
type process struct {
	*acctest.Protocol
	caller *caller
	cmd    *command
	dead   atomic.Bool
	cancel context.CancelFunc
	stops  []func()
}

// ports counts the ports. Each process gets its own ports.
var ports atomic.Int64

func (c *command) start() *process {
	p := &process{cmd: c}
	ctx, cancel := context.WithCancel(context.Background())
	if c.w.log != nil {
		ctx = tfsdklogtest.RootLogger(tflogtest.RootLogger(ctx, c.w.log), c.w.log)
	}
	p.cancel = cancel
	p.caller = &caller{TB: c.w.t, ctx: ctx}
	env := maps.Clone(c.s.env)
	for name, handler := range map[string]http.Handler{"DBXACCESS_HOST": c.w.Workspace,
		"ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST": c.w.entra} {
		address := fmt.Sprintf("127.0.0.1:%d", ports.Add(1))
		p.stops = append(p.stops, c.w.Answer(c.w.t, c.w.certificate, address, p.intercept(handler)))
		env[name] = "https://" + address
	}
	c.s.current.Store(p)
	world := *c.w.World
	world.Env = env
	p.caller.try(func() { p.Protocol = world.Protocol(p.caller) })
	return p
}

// end closes the network of a process that has ended or was killed.
func (p *process) end() {
	p.cancel()
	if p.dead.Swap(true) {
		return
	}
	for _, stop := range p.stops {
		stop()
	}
}

// intercept returns the handler through which a process reaches a service. The handler counts the command's requests
// and triggers the storm's events.
func (p *process) intercept(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if p.dead.Load() {
			panic(http.ErrAbortHandler)
		}
		n := int(p.cmd.requests.Add(1))
		p.cmd.triggerEvents(n, false)
		if p.dead.Load() {
			panic(http.ErrAbortHandler)
		}
		p.cmd.w.recordRequestSecrets(r)
		answer := &copied{ResponseWriter: rw}
		next.ServeHTTP(answer, r)
		p.cmd.w.recordAnswerSecrets(answer.body.Bytes())
		p.cmd.triggerEvents(n, true)
		if p.dead.Load() {
			panic(http.ErrAbortHandler)
		}
	})
}

// interceptVault returns the handler of the stack's vault. It belongs to the process that the stack runs at the time of
// a request.
func (s *stack) interceptVault() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		p := s.current.Load()
		if p == nil {
			panic(http.ErrAbortHandler)
		}
		p.intercept(s.vault).ServeHTTP(rw, r)
	})
}

// copied is a response writer that keeps a copy of the response body.
type copied struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (c *copied) Write(b []byte) (int, error) {
	c.body.Write(b)
	return c.ResponseWriter.Write(b)
}

func (c *copied) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// recordRequestSecrets records the secrets of a request, so that the test can search for them later.
func (w *world) recordRequestSecrets(r *http.Request) {
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		w.secret(bearer)
	}
	if r.Method == http.MethodGet || r.Body == nil {
		return
	}
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return
	}
	if form, err := url.ParseQuery(string(body)); err == nil {
		w.secret(form.Get("client_secret"))
		w.secret(form.Get("client_assertion"))
	}
}

// recordAnswerSecrets records the secrets of an answer, so that the test can search for them later.
func (w *world) recordAnswerSecrets(body []byte) {
	if !bytes.Contains(body, []byte("token")) {
		return
	}
	var answer struct {
		Access string `json:"access_token"`
		Value  string `json:"token_value"`
	}
	if json.Unmarshal(body, &answer) == nil {
		w.secret(answer.Access)
		w.secret(answer.Value)
	}
}

func (w *world) secret(value string) {
	if len(value) < 8 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.secrets[value] = true
}

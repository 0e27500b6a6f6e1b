//go:build linux

package provider_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dbxaccess/terraform-provider-dbxaccess/internal/acctest"
)

const (
	// mostForAnswer limits the memory of the provider's process, in bytes, whatever the answer.
	mostForAnswer = 300 << 20
	tooLong       = 600 << 20
	// justRead is the length of an answer that is read to its end.
	justRead = 23 << 20
)

// An answerer writes the answer to a request.
type answerer func(io.Writer, *http.Request)

// repeated returns an answerer that writes begin, then pieces until size bytes are written, then end.
func repeated(begin string, piece func(i int) string, size int, end string) answerer {
	return func(w io.Writer, _ *http.Request) {
		var block bytes.Buffer
		block.WriteString(begin)
		for i, sent := 0, 0; sent < size; i++ {
			if i > 0 {
				block.WriteByte(',')
			}
			block.WriteString(piece(i))
			if block.Len() >= 64<<10 || sent+block.Len() >= size {
				n, err := w.Write(block.Bytes())
				if err != nil {
					return
				}
				sent += n
				block.Reset()
			}
		}
		_, _ = io.WriteString(w, end)
	}
}

func text(s string) func(int) string { return func(int) string { return s } }

func numbered(format string) func(int) string {
	return func(i int) string { return strings.ReplaceAll(format, "N", fmt.Sprint(i)) }
}

func compressed(write answerer) answerer {
	return func(w io.Writer, r *http.Request) {
		w.(http.ResponseWriter).Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		write(z, r)
		_ = z.Close()
	}
}

func refused(write answerer) answerer {
	return func(w io.Writer, r *http.Request) {
		w.(http.ResponseWriter).WriteHeader(http.StatusBadRequest)
		write(w, r)
	}
}

// endless returns an answerer that writes one page of principals after the other. No page repeats an id of an earlier
// page.
func endless(perPage int) answerer {
	page := 0
	return func(w io.Writer, r *http.Request) {
		page++
		entry := numbered(fmt.Sprintf(`{"id":"%dN"}`, page))
		repeated(`{"totalResults":2000000000,"Resources":[`, entry, 12*perPage, "]}")(w, r)
	}
}

// endlessClusters returns an answerer that writes one full page of clusters after the other.
func endlessClusters() answerer {
	page, clusters := 0, strings.TrimSuffix(strings.Repeat(`{"cluster_id":"1"},`, 100), ",")
	return func(w io.Writer, _ *http.Request) {
		page++
		_, _ = fmt.Fprintf(w, `{"clusters":[%s],"next_page_token":"%d"}`, clusters, page)
	}
}

// Whatever a service, or a proxy before it, answers: the process of the provider stays small.
func TestMemoryForHostileAnswers(t *testing.T) {
	t.Parallel()
	const (
		principals = "data \"dbxaccess_service_principals\" \"x\" {}\n"
		tokens     = "data \"dbxaccess_tokens\" \"x\" {}\n"
		access     = "data \"dbxaccess_serving_endpoint_permissions\" \"x\" { endpoint_name = \"iris\" }\n"
		endpoints  = "data \"dbxaccess_serving_endpoints\" \"x\" {}\n"
		clusters   = "data \"dbxaccess_clusters\" \"x\" {}\n"
		score      = "data \"dbxaccess_serving_endpoint_query\" \"x\" {\n  endpoint_name = \"iris\"\n" +
			"  query_as = \"provider\"\n  request = \"{}\"\n  store_response = true\n}\n"

		scim       = "/scim/v2/ServicePrincipals"
		manage     = "/token-management/tokens"
		rights     = "/permissions/serving-endpoints/"
		invoke     = "/invocations"
		scimBegin  = `{"totalResults":1,"Resources":[`
		tokenBegin = `{"token_infos":[`
		listBegin  = `{"object_id":"/serving-endpoints/ENDPOINT","access_control_list":[`
		inVault    = "PFX with a password in Key Vault, read as AZURE_*"
	)
	principal, long := numbered(`{"id":"N","applicationId":"00000000-0000-4000-8000-N"}`), text(strings.Repeat("x", 1000))
	token := numbered(`{"token_id":"N","owner_id":7,"created_by_id":7}`)
	grant := numbered(`{"user_name":"N","all_permissions":[{"permission_level":"CAN_QUERY"}]}`)
	accessToken, value := repeated(`{"access_token":"`, long, tooLong, `"}`), repeated(`{"value":"`, long, tooLong, `"}`)
	workspace := repeated(`{"properties":{"workspaceUrl":"`, long, tooLong, `"}}`)
	for name, tc := range map[string]struct {
		hcl, host, path string // the answer replaces those to requests whose host and path contain these
		answer          answerer
		login           func(*testing.T, *acctest.World)
	}{
		"600 MB for a list":            {hcl: principals, path: scim, answer: repeated(scimBegin, principal, tooLong, "]}")},
		"600 MB of white space":        {hcl: principals, path: scim, answer: repeated("", text("       "), tooLong, "")},
		"a gzip bomb for a list":       {hcl: principals, path: scim, answer: compressed(repeated(scimBegin, principal, tooLong, "]}"))},
		"an error of 600 MB":           {hcl: principals, path: scim, answer: refused(repeated(`{"message":"`, long, tooLong, `"}`))},
		"a model's answer of 600 MB":   {hcl: score, path: invoke, answer: repeated(`{"predictions":[`, text("1"), tooLong, "]}")},
		"a long list":                  {hcl: principals, path: scim, answer: repeated(scimBegin, principal, justRead, "]}")},
		"a long list of empty objects": {hcl: principals, path: scim, answer: repeated(scimBegin, text("{}"), justRead, "]}")},
		"a long list of long names": {hcl: principals, path: scim, answer: repeated(scimBegin,
			numbered(`{"id":"N","displayName":"`+long(0)+`"}`), justRead, "]}")},
		"as many principals as are accepted": {hcl: principals, path: scim, answer: repeated(scimBegin, principal, 1_700_000, "]}")},
		"pages without end":                  {hcl: principals, path: scim, answer: endless(100)},
		"pages of thousands without end":     {hcl: principals, path: scim, answer: endless(10_000)},
		"deep JSON":                          {hcl: principals, path: scim, answer: repeated(scimBegin, text("[[[["), justRead, "")},
		"a key many times":                   {hcl: principals, path: scim, answer: repeated("{", text(`"Resources":[{"id":"1"}]`), justRead, "}")},
		"very many tokens":                   {hcl: tokens, path: manage, answer: repeated(tokenBegin, token, justRead, "]}")},
		"as many tokens as are decoded":      {hcl: tokens, path: manage, answer: repeated(tokenBegin, token, 9_000_000, "]}")},
		"very many scopes of one token": {hcl: tokens, path: manage, answer: repeated(tokenBegin+`{"token_id":"1","scopes":[`,
			text(`""`), justRead, "]}]}")},
		"a long access list":    {hcl: access, path: rights, answer: repeated(listBegin, grant, justRead, "]}")},
		"very many endpoints":   {hcl: endpoints, path: "/serving-endpoints", answer: repeated(`{"endpoints":[`, numbered(`{"name":"N","id":"N"}`), justRead, "]}")},
		"very many clusters":    {hcl: clusters, path: "/clusters/list", answer: repeated(`{"clusters":[`, numbered(`{"cluster_id":"N"}`), justRead, "]}")},
		"clusters without end":  {hcl: clusters, path: "/clusters/list", answer: endlessClusters()},
		"a long error":          {hcl: principals, path: scim, answer: refused(repeated(`{"error_code":"X","message":"`, long, justRead, `"}`))},
		"a model's long answer": {hcl: score, path: invoke, answer: repeated(`{"predictions":[`, text("1"), justRead, "]}")},

		"600 MB for a login":          {hcl: principals, host: "login.", path: "/token", answer: accessToken},
		"a gzip bomb for a login":     {hcl: principals, host: "login.", path: "/token", answer: compressed(accessToken)},
		"600 MB from Key Vault":       {hcl: principals, host: ".vault.", answer: value, login: logins[inVault]},
		"a gzip bomb from Key Vault":  {hcl: principals, host: ".vault.", answer: compressed(value), login: logins[inVault]},
		"600 MB from ARM":             {hcl: principals, host: "management.", answer: workspace, login: findsHost},
		"a gzip bomb from ARM":        {hcl: principals, host: "management.", answer: compressed(workspace), login: findsHost},
		"600 MB from a machine":       {hcl: principals, host: "169.254.", answer: accessToken, login: logins["managed identity"]},
		"600 MB from GitHub":          {hcl: principals, host: "actions", answer: value, login: logins["GitHub Actions"]},
		"600 MB from Azure Pipelines": {hcl: principals, host: "dev.azure", answer: value, login: logins["Azure Pipelines"]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Proxied()
			if tc.login != nil {
				tc.login(t, w)
			}
			met := answering(t, w, tc.host, tc.path, tc.answer)
			began := time.Now()
			peak, said, err := measured(t, w.CLI(t, tc.hcl).Command(t, "plan"))
			t.Logf("%d MB, %s, %v: %.300s", peak>>20, time.Since(began).Round(time.Millisecond), err, said)
			if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
				t.Error(err)
			}
			if peak > mostForAnswer {
				t.Errorf("the provider took %d MB", peak>>20)
			}
			if !met.Load() {
				t.Error("nothing asked for the answer")
			}
		})
	}
}

// answering replaces the answers to requests whose host and path contain the given parts. met reports whether there was
// such a request.
func answering(t *testing.T, w *acctest.World, host, path string, answer answerer) (met *atomic.Bool) {
	t.Helper()
	met = new(atomic.Bool)
	proxy := w.Tenant.Proxy(nil)
	proxy.Watch = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.Host, host) || !strings.Contains(r.URL.Path, path) {
				next.ServeHTTP(rw, r)
				return
			}
			met.Store(true)
			rw.Header().Set("Content-Type", "application/json")
			answer(rw, r)
		})
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(func() {
		server.Close()
		_ = proxy.Close()
	})
	w.Env["HTTPS_PROXY"], w.Env["HTTP_PROXY"] = server.URL, server.URL
	return met
}

// findsHost configures the workspace by its Azure resource id, so that the provider looks up the address in Azure
// Resource Manager.
func findsHost(_ *testing.T, w *acctest.World) {
	delete(w.Env, "DBXACCESS_HOST")
	w.Env["DATABRICKS_AZURE_RESOURCE_ID"] = "/subscriptions/6a1f2b3c-1111-4222-8333-944455556666/resourceGroups/ml/providers/" +
		"Microsoft.Databricks/workspaces/models"
}

// measured runs a command. It returns the largest resident size of the provider in bytes, the output, and the command's
// error.
func measured(t *testing.T, cmd *exec.Cmd) (peak int, said string, err error) {
	t.Helper()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("needs /proc to see how large a process is")
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	// The processes are looked up less often than their sizes, because that takes more time.
	var pids []int
	for i := 0; ; i++ {
		select {
		case err := <-done:
			if peak == 0 {
				t.Fatal("no process of the provider was seen")
			}
			return peak, out.String(), err
		case <-time.After(5 * time.Millisecond):
			if i%6 == 0 {
				pids = childrenOf(cmd.Process.Pid)
			}
			for _, pid := range pids {
				peak = max(peak, peakOf(pid))
			}
		}
	}
}

// peakOf returns the peak resident size of a process in bytes; 0 if the process has ended or is not the provider.
func peakOf(pid int) int {
	if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err != nil || filepath.Base(exe) != "terraform-provider-dbxaccess" {
		return 0
	}
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kilobytes, _ := strconv.Atoi(fields[0])
	return kilobytes << 10
}

//go:build linux

package provider_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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
		principals = "dbxaccess_service_principals"
		tokens     = "dbxaccess_tokens"
		access     = "dbxaccess_serving_endpoint_permissions"
		endpoints  = "dbxaccess_serving_endpoints"
		clusters   = "dbxaccess_clusters"
		score      = "dbxaccess_serving_endpoint_query"

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
	config := map[string]string{
		access: `{"endpoint_name":"iris"}`,
		score:  `{"endpoint_name":"iris","query_as":"provider","request":"{}","store_response":true}`,
	}
	for name, tc := range map[string]struct {
		source     string // the data source that is read
		host, path string // the answer replaces those to requests whose host and path contain these
		answer     answerer
		login      func(*testing.T, *acctest.World)
	}{
		"600 MB for a list":            {source: principals, path: scim, answer: repeated(scimBegin, principal, tooLong, "]}")},
		"600 MB of white space":        {source: principals, path: scim, answer: repeated("", text("       "), tooLong, "")},
		"a gzip bomb for a list":       {source: principals, path: scim, answer: compressed(repeated(scimBegin, principal, tooLong, "]}"))},
		"an error of 600 MB":           {source: principals, path: scim, answer: refused(repeated(`{"message":"`, long, tooLong, `"}`))},
		"a model's answer of 600 MB":   {source: score, path: invoke, answer: repeated(`{"predictions":[`, text("1"), tooLong, "]}")},
		"a long list":                  {source: principals, path: scim, answer: repeated(scimBegin, principal, justRead, "]}")},
		"a long list of empty objects": {source: principals, path: scim, answer: repeated(scimBegin, text("{}"), justRead, "]}")},
		"as many principals as are accepted, with long names": {source: principals, path: scim, answer: repeated(scimBegin,
			numbered(`{"id":"N","applicationId":"00000000-0000-4000-8000-N","displayName":"`+long(0)[:750]+`"}`), justRead, "]}")},
		"pages without end":              {source: principals, path: scim, answer: endless(100)},
		"pages of thousands without end": {source: principals, path: scim, answer: endless(10_000)},
		"deep JSON":                      {source: principals, path: scim, answer: repeated(scimBegin, text("[[[["), justRead, "")},
		"a key many times":               {source: principals, path: scim, answer: repeated("{", text(`"Resources":[{"id":"1"}]`), justRead, "}")},
		"very many tokens":               {source: tokens, path: manage, answer: repeated(tokenBegin, token, justRead, "]}")},
		"as many tokens as are decoded":  {source: tokens, path: manage, answer: repeated(tokenBegin, token, 9_000_000, "]}")},
		"very many scopes of one token": {source: tokens, path: manage, answer: repeated(tokenBegin+`{"token_id":"1","scopes":[`,
			text(`""`), justRead, "]}]}")},
		"a long access list":    {source: access, path: rights, answer: repeated(listBegin, grant, justRead, "]}")},
		"very many endpoints":   {source: endpoints, path: "/serving-endpoints", answer: repeated(`{"endpoints":[`, numbered(`{"name":"N","id":"N"}`), justRead, "]}")},
		"very many clusters":    {source: clusters, path: "/clusters/list", answer: repeated(`{"clusters":[`, numbered(`{"cluster_id":"N"}`), justRead, "]}")},
		"clusters without end":  {source: clusters, path: "/clusters/list", answer: endlessClusters()},
		"a long error":          {source: principals, path: scim, answer: refused(repeated(`{"error_code":"X","message":"`, long, justRead, `"}`))},
		"a model's long answer": {source: score, path: invoke, answer: repeated(`{"predictions":[`, text("1"), justRead, "]}")},

		"600 MB for a login":          {source: principals, host: "login.", path: "/token", answer: accessToken},
		"a gzip bomb for a login":     {source: principals, host: "login.", path: "/token", answer: compressed(accessToken)},
		"600 MB from Key Vault":       {source: principals, host: ".vault.", answer: value, login: logins[inVault]},
		"a gzip bomb from Key Vault":  {source: principals, host: ".vault.", answer: compressed(value), login: logins[inVault]},
		"600 MB from ARM":             {source: principals, host: "management.", answer: workspace, login: findsHost},
		"a gzip bomb from ARM":        {source: principals, host: "management.", answer: compressed(workspace), login: findsHost},
		"600 MB from a machine":       {source: principals, host: "169.254.", answer: accessToken, login: logins["managed identity"]},
		"600 MB from GitHub":          {source: principals, host: "actions", answer: value, login: logins["GitHub Actions"]},
		"600 MB from Azure Pipelines": {source: principals, host: "dev.azure", answer: value, login: logins["Azure Pipelines"]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := acctest.New(t)
			w.Proxied()
			if tc.login != nil {
				tc.login(t, w)
			}
			met := answering(t, w, tc.host, tc.path, tc.answer)
			began, provider := time.Now(), w.Process(t)
			said, err := provider.Read(t, tc.source, cmp.Or(config[tc.source], "{}"))
			if err != nil {
				t.Fatal(err)
			}
			peak := peakOf(t, provider.PID)
			t.Logf("%d MB, %s, %.300q", peak>>20, time.Since(began).Round(time.Millisecond), said)
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

// peakOf returns the peak resident size of a process in bytes.
func peakOf(t *testing.T, pid int) int {
	t.Helper()
	_, rest, _ := strings.Cut(read(t, fmt.Sprintf("/proc/%d/status", pid)), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		t.Fatal("/proc does not show the size of the process")
	}
	kilobytes, err := strconv.Atoi(fields[0])
	must(t, err)
	return kilobytes << 10
}

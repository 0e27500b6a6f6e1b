package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// The two error dialects of a workspace: the standard one of the REST API
// (docs.databricks.com/api/azure/workspace/introduction) and that of SCIM 2.0
// (RFC 7644 section 3.12) under the SCIM paths. Gateways before the API answer
// with a numeric error_code, an HTML page or plain text.

const (
	scimRoot        = "/api/2.0/preview/scim/v2/"
	scimErrorSchema = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// apiError is a refusal; the dialect is chosen when it is written.
type apiError struct {
	status   int
	code     string // error_code, or the scimType in the SCIM dialect
	message  string
	gateway  bool // numeric error_code and the reason header, in any dialect
	page     bool // an HTML page
	plain    bool // plain text
	noBody   bool
	scimForm bool // the code is a scimType
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s %s", e.status, e.code, e.message) }

func refuse(status int, code, format string, args ...any) *apiError {
	return &apiError{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

func badParameter(format string, args ...any) *apiError {
	return refuse(http.StatusBadRequest, "INVALID_PARAMETER_VALUE", format, args...)
}

func missing(format string, args ...any) *apiError {
	return refuse(http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST", format, args...)
}

func denied(format string, args ...any) *apiError {
	return refuse(http.StatusForbidden, "PERMISSION_DENIED", format, args...)
}

func malformed() *apiError {
	return refuse(http.StatusBadRequest, "MALFORMED_REQUEST", "Invalid JSON given in the body of the request - failed to parse given JSON")
}

func noSuchAPI(method, path string) *apiError {
	for _, prefix := range []string{"/api/2.0", "/api/2.1"} {
		path = strings.TrimPrefix(path, prefix)
	}
	return refuse(http.StatusNotFound, "ENDPOINT_NOT_FOUND", "No API found for '%s %s'", method, path)
}

// scimRefuse makes a SCIM error; scimType may be empty.
func scimRefuse(status int, scimType, format string, args ...any) *apiError {
	return &apiError{status: status, code: scimType, message: fmt.Sprintf(format, args...), scimForm: true}
}

func standardErrorBody(code any, message, requestID string) []byte {
	body, _ := json.Marshal(map[string]any{
		"error_code": code,
		"message":    message,
		"details": []any{map[string]string{
			"@type":        "type.googleapis.com/google.rpc.RequestInfo",
			"request_id":   requestID,
			"serving_data": "",
		}},
	})
	return body
}

func scimErrorBody(status int, scimType, detail string) []byte {
	// RFC 7644 makes status a string, and clients fail to parse a number.
	body := map[string]any{"schemas": []string{scimErrorSchema}, "detail": detail, "status": strconv.Itoa(status)}
	if scimType != "" {
		body["scimType"] = scimType
	}
	raw, _ := json.Marshal(body)
	return raw
}

func errorPage(status int, message string) []byte {
	title := html.EscapeString(fmt.Sprintf("Error %d %s", status, message))
	return fmt.Appendf(nil, "<html>\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html;charset=utf-8\"/>\n<title>%s</title>\n</head>\n<body><h2>HTTP ERROR: %d</h2>\n<p>Problem accessing the workspace. Reason:\n<pre>    %s</pre></p>\n</body>\n</html>\n",
		title, status, html.EscapeString(message))
}

// workspaceFault and scimFault write injected faults in the two dialects.
func workspaceFault(f Fault) (string, []byte) {
	return "application/json", standardErrorBody(f.Code, f.Message, uuid.NewString())
}

func scimFault(f Fault) (string, []byte) {
	detail := f.Message
	if f.Code == "REQUEST_LIMIT_EXCEEDED" && !strings.Contains(detail, f.Code) {
		// The throttle of SCIM shows only in the text.
		detail = f.Code + ": " + detail
		return "application/scim+json", scimErrorBody(f.Status, "", detail)
	}
	return "application/scim+json", scimErrorBody(f.Status, f.Code, detail)
}

// fail writes an error in the dialect of the path.
func (c *call) fail(err error) {
	var e *apiError
	if !errors.As(err, &e) {
		e = refuse(http.StatusInternalServerError, "INTERNAL_ERROR", "%s", err.Error())
	}
	requestID := c.rw.Header().Get("X-Request-Id")
	if requestID == "" {
		requestID = uuid.NewString()
	}
	contentType, body := "application/json", []byte(nil)
	switch {
	case e.noBody:
	case e.plain:
		contentType, body = "text/plain", []byte(e.message)
	case e.page:
		contentType, body = "text/html;charset=utf-8", errorPage(e.status, e.message)
	case e.gateway:
		message := e.message
		if !c.w.switches.PlainAuthTexts {
			message += " [ReqId: " + requestID + "]"
		}
		c.rw.Header().Set("X-Databricks-Reason-Phrase", e.message)
		body = standardErrorBody(e.status, message, requestID)
	case strings.HasPrefix(c.r.URL.Path, scimRoot) && e.code != "ENDPOINT_NOT_FOUND":
		scimType := ""
		if e.scimForm {
			scimType = e.code
		}
		contentType, body = "application/scim+json", scimErrorBody(e.status, scimType, e.message)
	default:
		body = standardErrorBody(e.code, e.message, requestID)
	}
	c.rw.Header().Set("Content-Type", contentType)
	c.rw.WriteHeader(e.status)
	_, _ = c.rw.Write(body)
}

// decode reads a JSON body strictly: a field this API does not know is refused,
// so that a misspelt one in a client is not silently ignored.
func (c *call) decode(into any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(c.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		if strings.HasPrefix(err.Error(), "json: unknown field") {
			return refuse(http.StatusBadRequest, "MALFORMED_REQUEST", "Could not parse request object: %s", strings.TrimPrefix(err.Error(), "json: "))
		}
		var wrongType *json.UnmarshalTypeError
		if errors.As(err, &wrongType) {
			return refuse(http.StatusBadRequest, "MALFORMED_REQUEST", "Could not parse request object: %s is not a %s", wrongType.Field, wrongType.Type)
		}
		return malformed()
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return malformed()
	}
	return nil
}

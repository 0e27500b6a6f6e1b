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

// A workspace writes errors in two formats: the standard format of the REST API
// (docs.databricks.com/api/azure/workspace/introduction) and, under the SCIM paths, the format of SCIM 2.0 (RFC 7644
// section 3.12). Gateways in front of the APIs answer with a numeric error_code, an HTML page or plain text.

const (
	scimRoot        = "/api/2.0/preview/scim/v2/"
	scimErrorSchema = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// An apiError is an error answer of a workspace. Its format is chosen when it is written.
type apiError struct {
	status   int
	code     string // error_code, or scimType in the SCIM format
	message  string
	gateway  bool // numeric error_code and a header with the reason, also under the SCIM paths
	page     bool // written as an HTML page
	plain    bool // written as plain text
	noBody   bool
	scimForm bool // whether code is a scimType
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
	return refuse(http.StatusBadRequest, "MALFORMED_REQUEST", "Invalid JSON given in the body of the request - "+
		"failed to parse given JSON")
}

func noSuchAPI(method, path string) *apiError {
	for _, prefix := range []string{"/api/2.0", "/api/2.1"} {
		path = strings.TrimPrefix(path, prefix)
	}
	return refuse(http.StatusNotFound, "ENDPOINT_NOT_FOUND", "No API found for '%s %s'", method, path)
}

// scimRefuse returns an error in the SCIM format. scimType may be empty.
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
	// RFC 7644 section 3.12 defines status as a string, and clients cannot parse a number.
	body := map[string]any{"schemas": []string{scimErrorSchema}, "detail": detail, "status": strconv.Itoa(status)}
	if scimType != "" {
		body["scimType"] = scimType
	}
	raw, _ := json.Marshal(body)
	return raw
}

func errorPage(status int, message string) []byte {
	title := html.EscapeString(fmt.Sprintf("Error %d %s", status, message))
	return fmt.Appendf(nil, "<html>\n<head>\n<meta http-equiv=\"Content-Type\" "+
		"content=\"text/html;charset=utf-8\"/>\n<title>%s</title>\n</head>\n<body><h2>HTTP ERROR: "+
		"%d</h2>\n<p>Problem accessing the workspace. Reason:\n<pre>    %s</pre></p>\n</body>\n</html>\n",
		title, status, html.EscapeString(message))
}

// workspaceFault writes a declared fault in the standard error format of the REST API.
func workspaceFault(f Fault) (string, []byte) {
	return "application/json", standardErrorBody(f.Code, f.Message, uuid.NewString())
}

func scimFault(f Fault) (string, []byte) {
	detail := f.Message
	if f.Code == "REQUEST_LIMIT_EXCEEDED" && !strings.Contains(detail, f.Code) {
		// The real service names this code only in the text of a SCIM error.
		detail = f.Code + ": " + detail
		return "application/scim+json", scimErrorBody(f.Status, "", detail)
	}
	return "application/scim+json", scimErrorBody(f.Status, f.Code, detail)
}

// fail writes an error in the format of the request's path.
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

// decode reads the JSON body of the request. It returns an error for a field that the API does not have, so that a
// client with a misspelt field fails.
func (c *call) decode(into any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(c.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		if strings.HasPrefix(err.Error(), "json: unknown field") {
			return refuse(http.StatusBadRequest, "MALFORMED_REQUEST", "Could not parse request object: %s",
				strings.TrimPrefix(err.Error(), "json: "))
		}
		var wrongType *json.UnmarshalTypeError
		if errors.As(err, &wrongType) {
			return refuse(http.StatusBadRequest, "MALFORMED_REQUEST", "Could not parse request object: %s is not a %s",
				wrongType.Field, wrongType.Type)
		}
		return malformed()
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return malformed()
	}
	return nil
}

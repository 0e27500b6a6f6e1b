package emulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// The codes come from "Microsoft Entra authentication and authorization error codes". The error name and the status of
// each code come from answers quoted in public issue trackers. That page says that texts may change without notice, so
// a client should compare only error_codes and error.
const (
	entraMalformedAssertion = 50027
	entraSubjectNotIssuer   = 50048
	entraUnknownInstance    = 50049
	entraNoTenant           = 50059
	entraGrantType          = 70003
	entraScope              = 70011
	entraNoFederation       = 70025
	entraTenantNotFound     = 90002
	entraInvalidInput       = 90013
	entraBadSignature       = 50013
	entraResourceNotFound   = 500011
	entraAppNotFound        = 700016
	entraAssertionIssuer    = 700021
	entraManyResources      = 700022
	entraAssertionAudience  = 700023
	entraAssertionTime      = 700024
	entraAssertionKey       = 700027
	entraFederatedIssuer    = 700211
	entraFederatedAudience  = 700212
	entraFederatedSubject   = 700213
	entraIssuerUnreachable  = 90061
	entraTenantSyntax       = 900023
	entraMissingParameter   = 900144
	entraOnlyPost           = 900561
	entraAppDisabled        = 7000112
	entraWrongSecret        = 7000215
	entraNoCredential       = 7000218
	entraExpiredSecret      = 7000222
)

var entraAnswers = map[int]struct {
	status int
	name   string
}{
	entraMalformedAssertion: {http.StatusBadRequest, "invalid_request"},
	entraSubjectNotIssuer:   {http.StatusUnauthorized, "invalid_client"},
	entraUnknownInstance:    {http.StatusBadRequest, "invalid_instance"},
	entraNoTenant:           {http.StatusBadRequest, "invalid_request"},
	entraGrantType:          {http.StatusBadRequest, "unsupported_grant_type"},
	entraScope:              {http.StatusBadRequest, "invalid_scope"},
	entraTenantNotFound:     {http.StatusBadRequest, "invalid_request"},
	entraInvalidInput:       {http.StatusBadRequest, "invalid_request"},
	entraBadSignature:       {http.StatusUnauthorized, "invalid_client"},
	entraResourceNotFound:   {http.StatusBadRequest, "invalid_resource"},
	entraAppNotFound:        {http.StatusBadRequest, "unauthorized_client"},
	entraAssertionIssuer:    {http.StatusUnauthorized, "invalid_client"},
	entraManyResources:      {http.StatusBadRequest, "invalid_scope"},
	entraAssertionAudience:  {http.StatusUnauthorized, "invalid_client"},
	entraAssertionTime:      {http.StatusUnauthorized, "invalid_client"},
	entraAssertionKey:       {http.StatusUnauthorized, "invalid_client"},
	entraNoFederation:       {http.StatusUnauthorized, "invalid_client"},
	entraFederatedIssuer:    {http.StatusUnauthorized, "invalid_client"},
	entraFederatedAudience:  {http.StatusUnauthorized, "invalid_client"},
	entraFederatedSubject:   {http.StatusUnauthorized, "invalid_client"},
	entraIssuerUnreachable:  {http.StatusBadRequest, "invalid_request"},
	entraTenantSyntax:       {http.StatusBadRequest, "invalid_request"},
	entraMissingParameter:   {http.StatusBadRequest, "invalid_request"},
	entraOnlyPost:           {http.StatusBadRequest, "invalid_request"},
	entraAppDisabled:        {http.StatusBadRequest, "unauthorized_client"},
	entraWrongSecret:        {http.StatusUnauthorized, "invalid_client"},
	entraNoCredential:       {http.StatusUnauthorized, "invalid_client"},
	entraExpiredSecret:      {http.StatusUnauthorized, "invalid_client"},
}

// An entraError is an error of Entra ID, without the request's ids and the time that the answer adds.
type entraError struct {
	code   int
	status int
	name   string
	text   string
}

func (e *entraError) Error() string { return fmt.Sprintf("AADSTS%d: %s", e.code, e.text) }

func complain(code int, format string, args ...any) *entraError {
	answer := entraAnswers[code]
	return &entraError{code: code, status: answer.status, name: answer.name, text: fmt.Sprintf(format, args...)}
}

func missingParameter(name string) *entraError {
	return complain(entraMissingParameter, "The request body must contain the following parameter: '%s'.", name)
}

// entraErrorBody is the JSON of an error response, as in "OAuth 2.0 client credentials flow on the Microsoft identity
// platform".
type entraErrorBody struct {
	Error            string `json:"error"`
	ErrorDescription string `json:"error_description"`
	ErrorCodes       []int  `json:"error_codes"`
	Timestamp        string `json:"timestamp"`
	TraceID          string `json:"trace_id"`
	CorrelationID    string `json:"correlation_id"`
	ErrorURI         string `json:"error_uri,omitempty"`
}

func (t *Tenant) entraErrorBody(e *entraError, base, correlationID, traceID string) entraErrorBody {
	timestamp := t.Clock.Now().Format("2006-01-02 15:04:05Z")
	separator := " "
	if t.Switches().DescriptionLines {
		separator = "\r\n"
	}
	return entraErrorBody{
		Error: e.name,
		ErrorDescription: strings.Join([]string{
			e.Error(), "Trace ID: " + traceID, "Correlation ID: " + correlationID, "Timestamp: " + timestamp,
		}, separator),
		ErrorCodes:    []int{e.code},
		Timestamp:     timestamp,
		TraceID:       traceID,
		CorrelationID: correlationID,
		ErrorURI:      fmt.Sprintf("%s/error?code=%d", base, e.code),
	}
}

func (t *Tenant) refuseLogin(w http.ResponseWriter, r *http.Request, e *entraError) {
	traceID := w.Header().Get("x-ms-request-id")
	entraJSON(w, e.status, t.entraErrorBody(e, requestBase(r), correlationID(r), traceID))
}

// entraFaultBody writes a declared fault as an error of Entra ID. If the fault's code is a number, with or without the
// prefix AADSTS, the error name is the one that belongs to this number. Any other code is used as the error name.
func (t *Tenant) entraFaultBody(f Fault) (contentType string, body []byte) {
	e := &entraError{status: f.Status, text: f.Message}
	number, err := strconv.Atoi(strings.TrimPrefix(f.Code, "AADSTS"))
	switch {
	case err == nil:
		e.code, e.name = number, entraAnswers[number].name
	case f.Code != "":
		e.name = f.Code
	}
	if e.code == 0 {
		// Code 90033 means "A transient error has occurred". Entra ID sends it when it cannot do its work.
		e.code = 90033
	}
	if e.name == "" {
		e.name = "invalid_request"
		if f.Status == http.StatusTooManyRequests || f.Status >= http.StatusInternalServerError {
			e.name = "temporarily_unavailable"
		}
	}
	if e.text == "" {
		e.text = "A transient error has occurred. Please try again."
	}
	body, err = json.Marshal(t.entraErrorBody(e, entraPublicBase, uuid.NewString(), uuid.NewString()))
	if err != nil {
		panic("emulator: a struct of strings and numbers does not marshal: " + err.Error())
	}
	return entraContentType, body
}

const (
	entraPublicBase  = "https://login.microsoftonline.com"
	entraContentType = "application/json; charset=utf-8"
)

// correlationID returns the id that Microsoft's clients send as client-request-id, so that both sides can find the
// request by the same id. It returns a new id if the request has none.
func correlationID(r *http.Request) string {
	if id, err := uuid.Parse(r.Header.Get("client-request-id")); err == nil {
		return id.String()
	}
	return uuid.NewString()
}

func entraJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", entraContentType)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// entraTime formats a time as Entra ID writes it in error texts.
func entraTime(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.0000000Z") }

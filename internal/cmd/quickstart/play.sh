# Commands to play with a kept quick start. Source it in the folder of the example, after the emulator's env.

# curl trusts the emulator, too.
export CURL_CA_BUNDLE="$DBXACCESS_CA_CERTIFICATE_PATH"

# as_person METHOD PATH [BODY] calls the workspace as the person who owns the endpoint.
as_person() {
  curl -sSf --noproxy '*' -H "Authorization: Bearer $EMULATOR_PERSON_TOKEN" \
    -H 'Content-Type: application/json' -X "$1" ${3:+-d "$3"} "$EMULATOR_HOST$2"
}

# endpoint_id and principal_id print the ids that the workspace uses in its addresses.
endpoint_id() {
  as_person GET /api/2.0/serving-endpoints/iris | tr ',{' '\n\n' | sed -n 's/^"id": *"\([0-9a-f]\{32\}\)".*/\1/p' | head -n 1
}
principal_id() {
  as_person GET "/api/2.0/preview/scim/v2/ServicePrincipals?filter=applicationId%20eq%20%22$TF_VAR_scoring_application_id%22&attributes=id" |
    tr ',{' '\n\n' | sed -n 's/^"id": *"\([0-9]*\)".*/\1/p' | head -n 1
}

# grant PRINCIPAL LEVEL adds one entry to the access list of iris. The principal is the field and its value, in JSON.
grant() {
  as_person PATCH "/api/2.0/permissions/serving-endpoints/$(endpoint_id)" \
    "{\"access_control_list\": [{$1, \"permission_level\": \"$2\"}]}" >/dev/null
}

# patch PATH OPERATION changes one thing in the workspace's directory (SCIM).
patch() {
  as_person PATCH "/api/2.0/preview/scim/v2/$1" \
    "{\"schemas\": [\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"], \"Operations\": [$2]}" >/dev/null
}

remove_grant() {
  as_person PUT "/api/2.0/permissions/serving-endpoints/$(endpoint_id)" \
    '{"access_control_list": [{"user_name": "ada@example.com", "permission_level": "CAN_MANAGE"}]}' >/dev/null && echo "Only Ada has a grant on iris now."
}

raise_grant() {
  grant "\"service_principal_name\": \"$TF_VAR_scoring_application_id\"" CAN_MANAGE && echo "The application holds CAN_MANAGE on iris."
}

grant_others() {
  grant '"group_name": "analysts"' CAN_QUERY && echo "The group analysts holds CAN_QUERY on iris."
}

recreate_endpoint() {
  as_person DELETE /api/2.0/serving-endpoints/iris >/dev/null &&
    as_person POST /api/2.0/serving-endpoints '{"name": "iris", "config": {"served_entities": [{"name": "iris-1", "entity_name": "main.models.iris", "entity_version": "1", "workload_size": "Small", "scale_to_zero_enabled": true}]}}' >/dev/null &&
    echo "The endpoint iris is re-created with the same name, a new id and an empty access list."
}

revoke_token() {
  for id in $(as_person GET /api/2.0/token-management/tokens | tr '{' '\n' | grep 'iris scoring' | sed -n 's/.*"token_id": *"\([0-9a-f]*\)".*/\1/p'); do
    as_person DELETE "/api/2.0/token-management/tokens/$id" >/dev/null && echo "Token $id is revoked."
  done
}

forbid_tokens() {
  as_person PUT /api/2.0/permissions/authorization/tokens \
    '{"access_control_list": [{"group_name": "admins", "permission_level": "CAN_MANAGE"}]}' >/dev/null && echo "The application may not use tokens."
}

deactivate_principal() {
  patch "ServicePrincipals/$(principal_id)" '{"op": "replace", "path": "active", "value": false}' && echo "The application's service principal is deactivated."
}

delete_principal() {
  as_person DELETE "/api/2.0/preview/scim/v2/ServicePrincipals/$(principal_id)" >/dev/null && echo "The application's service principal is deleted."
}

make_admin() {
  group=$(as_person GET '/api/2.0/preview/scim/v2/Groups?filter=displayName%20eq%20%22admins%22&attributes=id' |
    tr ',{' '\n\n' | sed -n 's/^"id": *"\([0-9]*\)".*/\1/p' | head -n 1)
  patch "Groups/$group" "{\"op\": \"add\", \"path\": \"members\", \"value\": [{\"value\": \"$(principal_id)\"}]}" && echo "The application is in the group admins."
}

# nightly runs the two jobs of the night. Each ends with 0 (nothing), 3 (maintenance), 2 (drift) or 1 (a deviation or error).
nightly() {
  for job in example watch; do
    (
      cd "$DEMO/$job"
      rm -f tfplan
      [ -e .terraform ] || "$CLI" init -input=false >plan.log 2>&1
      code=0
      "$CLI" plan -input=false -no-color -out=tfplan >plan.log 2>&1 || code=$?
      if [ "$code" -eq 0 ]; then
        "$CLI" show -json tfplan | "$DEMO/drift.sh" || code=$?
      else
        sed -n '/^Error: /,$p' plan.log
      fi
      echo "job $job: exit code $code"
    )
  done
}

# move_clock SECONDS moves the clock of every emulated service.
move_clock() {
  curl -sS --noproxy '*' -H 'Content-Type: application/json' -d "{\"advance_seconds\": $1}" "$EMULATOR_CONTROL_URL/clock"
}

# real_names makes every later command reach the emulated services by their real names, through the emulator's proxy. Key
# Vault and managed identities have no other address.
real_names() {
  export HTTPS_PROXY="$EMULATOR_PROXY_URL" HTTP_PROXY="$EMULATOR_PROXY_URL" DBXACCESS_HOST="$EMULATOR_WORKSPACE_URL" SSL_CERT_FILE="$DBXACCESS_CA_CERTIFICATE_PATH"
  export TF_VAR_host="$EMULATOR_WORKSPACE_URL" TF_VAR_vault_uri="$EMULATOR_VAULT_URL" TF_VAR_vault_identity_client_id="$EMULATOR_VAULT_READER_CLIENT_ID"
  unset ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST
}

EMULATOR_HOST=$DBXACCESS_HOST

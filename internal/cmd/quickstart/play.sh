# Commands to play with a kept quick start. Source it in the folder of the example, after the emulator's env.

# as_person METHOD PATH [BODY] calls the workspace as the person who owns the endpoint.
as_person() {
  curl -sS --noproxy '*' --cacert "$DBXACCESS_CA_CERTIFICATE_PATH" -H "Authorization: Bearer $EMULATOR_PERSON_TOKEN" \
    -H 'Content-Type: application/json' -X "$1" ${3:+-d "$3"} "$EMULATOR_HOST$2"
}

remove_grant() {
  id=$(as_person GET /api/2.0/serving-endpoints/iris | tr ',{' '\n\n' | sed -n 's/^"id": *"\([0-9a-f]\{32\}\)".*/\1/p' | head -n 1)
  as_person PUT "/api/2.0/permissions/serving-endpoints/$id" \
    '{"access_control_list": [{"user_name": "ada@example.com", "permission_level": "CAN_MANAGE"}]}' >/dev/null && echo "The application's grant on iris is removed."
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

# move_clock SECONDS moves the clock of every emulated service.
move_clock() {
  curl -sS --noproxy '*' --cacert "$DBXACCESS_CA_CERTIFICATE_PATH" -H 'Content-Type: application/json' -d "{\"advance_seconds\": $1}" "$EMULATOR_CONTROL_URL/clock"
}

# real_names makes every later command reach the emulated services by their real names, through the emulator's proxy. Key
# Vault and managed identities have no other address.
real_names() {
  export HTTPS_PROXY="$EMULATOR_PROXY_URL" HTTP_PROXY="$EMULATOR_PROXY_URL" DBXACCESS_HOST="$EMULATOR_WORKSPACE_URL" SSL_CERT_FILE="$DBXACCESS_CA_CERTIFICATE_PATH"
  export TF_VAR_vault_uri="$EMULATOR_VAULT_URL" TF_VAR_vault_identity_client_id="$EMULATOR_VAULT_READER_CLIENT_ID"
  unset ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST
}

EMULATOR_HOST=$DBXACCESS_HOST

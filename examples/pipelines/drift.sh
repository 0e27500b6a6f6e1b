#!/bin/sh
# Says in one sentence each what a plan would change, and ends with
#   0  nothing would change
#   3  only maintenance: a credential is due for rotation, or the overlap after a rotation has ended
#   2  drift: something was changed behind Terraform's back, or configuration was not applied
#   1  the plan failed or cannot be read
# Usage: rm -f tfplan; terraform plan -out=tfplan && terraform show -json tfplan | drift.sh
# Prints the names of attributes, and of values only permission levels and whether a principal is active. Needs jq.
set -eu
report=$(jq -rn '
  def clean: tostring | gsub("[^\\x20-\\x{10FFFF}]"; "?");
  def credential: .type == "dbxaccess_service_principal_token" or .type == "dbxaccess_service_principal_oauth_secret";
  # What a rotation itself changes. A plan that changes anything else is no maintenance: rotation_reason keeps its last value.
  # service_principal_id is unknown until a rotation has asked for it.
  def rotated: ["id", "token_id", "secret_id", "token_value", "secret_value", "created_at", "expires_at", "rotate_at", "rotation_reason",
    "previous_token_id", "previous_token_revoke_at", "previous_secret_id", "previous_secret_delete_at", "service_principal_id"];
  def comparable: if .key_vault_secret then .key_vault_secret |= {vault_uri, name} else . end; # each rotation writes a new version
  def changed:
    .change as $c | ($c.before // {} | comparable) as $old | ($c.after // {} | comparable) as $new
    | ($c.after_unknown // {} | del(.key_vault_secret)) as $unknown
    | [$old + $new + $unknown | keys[] | select($old[.] != $new[.] or $unknown[.] == true)];
  def maintenance:
    credential and .change.actions == ["update"] and (changed - rotated == [])
    and (.change.after.rotation_reason | . == "due" or . == "overlap_ended");
  def attributes:
    .change as $c
    | [changed[]
       | if IN("permission_level", "active") and ([$c.before[.], $c.after[.]] | all(. != null))
         then "\(.) (\($c.before[.]), should be \($c.after[.]))" else . end] | join(", ");
  def reason:
    {revoked: "its credential was revoked", expired: "its credential has expired", owner: "its credential belongs to another principal",
     vault: "its value in Key Vault is lost, or belongs elsewhere now"}[.change.after.rotation_reason // ""];
  def verb:
    if .change.actions == ["create"]
    then "is missing and would be created" + (if .type == "dbxaccess_serving_endpoint_permission" then ": the grant was removed, or its endpoint re-created" else "" end)
    elif .change.actions == ["delete"] then "would be destroyed"
    elif .change.actions == ["update"] and credential and .change.after_unknown.id == true and reason
    then "would be rotated: " + reason + (changed - rotated | if . == [] then "" else "; it also differs in " + join(", ") end)
    elif .change.actions == ["update"] then "differs in " + attributes
    elif .change.actions | index("create") then "would be replaced because of " + ([.change.replace_paths // [] | .[] | .[0] | tostring] | join(", "))
    else "would change (" + (.change.actions | join(", ")) + ")" end;
  input
  | if type != "object" or (.format_version | type) != "string" then error("not the JSON of a plan") else . end
  | (if .errored then "error: the plan is incomplete: read the errors that terraform plan printed" else empty end),
    ((.resource_changes // [])[]
     | select(.mode == "managed" and (.change.actions | . != ["no-op"] and . != ["read"]))
     | if maintenance
       then "maintenance: \(.address) would be updated: " + (if .change.after.rotation_reason == "due" then "its credential is due for rotation" else "the overlap has ended, and the old credential would be revoked" end)
       else "drift: \(.address) \(verb)" end | clean),
    ((.checks // [])[] | select(.status == "fail" or .status == "error") | "drift: check \(.address.to_display) fails" | clean)
') || { echo "drift.sh: standard input is not what terraform show -json prints of a plan" >&2; exit 1; }
[ -n "$report" ] || { echo "no changes"; exit 0; }
printf '%s\n' "$report"
case "
$report" in
  *"
error:"*) exit 1 ;;
  *"
drift:"*) exit 2 ;;
  *) exit 3 ;;
esac

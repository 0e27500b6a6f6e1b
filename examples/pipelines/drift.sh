#!/bin/sh
# Says in one sentence each what a plan would change, and ends with
#   0  nothing would change
#   3  only maintenance: a credential is due for rotation, or the overlap after a rotation has ended
#   2  drift: something was changed behind Terraform's back, or configuration was not applied
#   1  the plan failed or cannot be read
# Usage: rm -f tfplan; terraform plan -out=tfplan && terraform show -json tfplan | drift.sh
# Values are never printed, only the names of attributes. Needs jq.
set -eu
report=$(jq -rn '
  def clean: tostring | gsub("[^\\x20-\\x{10FFFF}]"; "?");
  def maintenance:
    .change.actions == ["update"]
    and (.type == "dbxaccess_service_principal_token" or .type == "dbxaccess_service_principal_oauth_secret")
    and (.change.after.rotation_reason | . == "due" or . == "overlap_ended");
  def attributes:
    .change as $c
    | [($c.before // {}) + ($c.after // {}) + ($c.after_unknown // {}) | keys[]
       | select($c.before[.] != $c.after[.] or ($c.after_unknown // {})[.] == true)] | join(", ");
  def verb:
    if .change.actions == ["create"] then "is missing and would be created"
    elif .change.actions == ["delete"] then "would be destroyed"
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

#!/bin/sh
# Revokes what "terraform apply" in this folder has listed. DATABRICKS_HOST is the workspace's address with https://, and
# DATABRICKS_TOKEN a token of a workspace admin, such as what this prints:
# az account get-access-token --resource 2ff814a6-3304-4ab8-85cb-cd0e6f879c1d --query accessToken --output tsv
set -eu
strays=$("${TERRAFORM:-terraform}" output -json strays)
for id in $(printf '%s' "$strays" | jq -r 'keys[]'); do
  # The header goes by standard input: an argument could be read in the list of processes.
  printf 'header = "Authorization: Bearer %s"\n' "$DATABRICKS_TOKEN" |
    curl --fail --silent --show-error --output /dev/null --config - --request DELETE "$DATABRICKS_HOST/api/2.0/token-management/tokens/$id"
  echo "revoked $id"
done

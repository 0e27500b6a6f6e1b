# Lists them: terraform apply -invoke=action.dbxaccess_sweep_stray_tokens.list
action "dbxaccess_sweep_stray_tokens" "list" {}

# Revokes them: terraform apply -invoke=action.dbxaccess_sweep_stray_tokens.revoke
action "dbxaccess_sweep_stray_tokens" "revoke" {
  config {
    older_than_seconds = 7200
    dry_run            = false
  }
}

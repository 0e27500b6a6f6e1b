# terraform apply -invoke=action.dbxaccess_revoke_credentials.suspect
action "dbxaccess_revoke_credentials" "suspect" {
  config {
    application_id = "11111111-2222-3333-4444-555555555555"
  }
}

# Or by a change: whenever the ticket's number changes, all tokens and OAuth secrets are deleted, and the principal stays active.
resource "terraform_data" "ticket" {
  input = "SEC-1"

  lifecycle {
    action_trigger {
      events  = [after_update]
      actions = [action.dbxaccess_revoke_credentials.rotated]
    }
  }
}

action "dbxaccess_revoke_credentials" "rotated" {
  config {
    application_id = "11111111-2222-3333-4444-555555555555"
    deactivate     = false
  }
}

variable "application_id" {
  description = "Application (client) id of the application that may use tokens."
  type        = string
}

# Only these may use personal access tokens. A failed postcondition stops the plan with exit code 1, so a nightly job fails.
locals {
  expected = ["group_name=admins", "service_principal_name=${var.application_id}"]
}

data "dbxaccess_token_permissions" "all" {
  lifecycle {
    postcondition {
      condition     = !contains(keys(self.groups), "users")
      error_message = "Every member of the workspace may use tokens: the group users holds CAN_USE."
    }
    postcondition {
      condition     = length(setsubtract(self.permissions[*].principal, local.expected)) == 0
      error_message = "Not expected: ${join(", ", setsubtract(self.permissions[*].principal, local.expected))}"
    }
  }
}

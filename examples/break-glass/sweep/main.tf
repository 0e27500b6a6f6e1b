# Stray tokens: made by dbxaccess for a run that was killed before it could revoke or record them. Their comments tell.

terraform {
  required_version = ">= 1.11"
  required_providers {
    dbxaccess = {
      source = "dbxaccess/dbxaccess"
    }
  }
}

variable "older_than" {
  description = "Only tokens that are older than this, a Go duration: no run that is still going may lose its token."
  type        = string
  default     = "1h"
}

data "dbxaccess_tokens" "all" {}

output "strays" {
  description = "The strays by token id. An admin deletes one under Settings > Advanced > Personal access tokens."
  value = {
    for t in data.dbxaccess_tokens.all.tokens : t.token_id => "${t.owner_name}: ${t.comment}"
    # A token that is used although it has the second marker is in somebody's state: only its comment could not be changed. A use
    # shows up to a day late, so that a token is called unused only when it is two days old.
    if(strcontains(t.comment, "[dbxaccess-ephemeral]") || strcontains(t.comment, "[dbxaccess:") && t.last_used_on == null
    && timecmp(t.created_at, timeadd(plantimestamp(), "-48h")) < 0)
    && timecmp(t.created_at, timeadd(plantimestamp(), "-${var.older_than}")) < 0
  }
}

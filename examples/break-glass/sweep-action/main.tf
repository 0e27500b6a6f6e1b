# Stray tokens: made by dbxaccess for a run that was killed before it could revoke or record them. Their comments tell.

terraform {
  required_version = ">= 1.14"
  required_providers {
    dbxaccess = {
      source = "dbxaccess/dbxaccess"
    }
  }
}

variable "revoke" {
  description = "Whether to revoke what is found. False only lists it."
  type        = bool
  default     = false
}

action "dbxaccess_sweep_stray_tokens" "all" {
  config {
    older_than_seconds = 3600 # no run that is still going may lose its token
    dry_run            = !var.revoke
  }
}

# Who has access to what in one workspace, as one page for a security team, and as JSON and CSV. It changes nothing.
#
#   terraform apply
#   terraform output -raw report      > report.html
#   terraform output -raw report_json > report.json
#   terraform output -raw access_csv  > access.csv
#   terraform output -raw tokens_csv  > tokens.csv

terraform {
  required_version = ">= 1.8"
  required_providers {
    dbxaccess = {
      source = "dbxaccess/dbxaccess"
    }
  }
}

provider "dbxaccess" {}

data "dbxaccess_current_identity" "reader" {}

data "dbxaccess_serving_endpoints" "all" {}

data "dbxaccess_service_principals" "all" {}

# Only a workspace admin may list tokens and OAuth secrets. A refusal would fail the whole report, so others do not ask.
data "dbxaccess_tokens" "all" {
  count = local.is_admin ? 1 : 0
}

data "dbxaccess_oauth_secrets" "all" {
  count = local.is_admin && var.oauth_secrets ? 1 : 0
}

# The level that the provider's identity holds says whether it may read the access list.
data "dbxaccess_serving_endpoint" "each" {
  for_each = local.with_list
  name     = each.key
}

data "dbxaccess_serving_endpoint_access" "each" {
  for_each      = local.readable
  endpoint_name = each.key
}

# The same access lists once more, without further requests: who holds which grant, whoever is in the groups.
data "dbxaccess_serving_endpoint_permissions" "each" {
  for_each      = local.readable
  endpoint_name = each.key
}

locals {
  is_admin = coalesce(var.is_admin, contains(data.dbxaccess_current_identity.reader.groups, "admins"))

  endpoints = { for e in data.dbxaccess_serving_endpoints.all.endpoints : e.name => e }
  with_list = toset([for name, e in local.endpoints : name if e.id != null])
  readable  = toset([for name, e in data.dbxaccess_serving_endpoint.each : name if local.is_admin || e.permission_level == "CAN_MANAGE"])
}

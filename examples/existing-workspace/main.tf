# Takes what a workspace already holds under management, without changing any of it: every service principal and every
# grant on a serving endpoint. The guide "Bring an existing workspace under management" goes through it.

terraform {
  required_version = ">= 1.11"
  required_providers {
    dbxaccess = {
      source = "dbxaccess/dbxaccess"
    }
  }
}

# What is there.

data "dbxaccess_current_identity" "deployer" {}

data "dbxaccess_service_principals" "all" {}

data "dbxaccess_serving_endpoints" "all" {}

data "dbxaccess_serving_endpoint_permissions" "all" {
  # Foundation models have no id and no access list: by default every member may call them, and Unity Catalog can restrict that.
  for_each      = toset([for e in data.dbxaccess_serving_endpoints.all.endpoints : e.name if e.id != null])
  endpoint_name = each.key
}

locals {
  # Not the one that runs this: it should not manage itself.
  service_principals = {
    for sp in data.dbxaccess_service_principals.all.service_principals : sp.application_id => sp
    if sp.application_id != data.dbxaccess_current_identity.deployer.application_id
  }

  # What is inherited cannot be changed, and admins hold everything anyway.
  grants = merge([
    for endpoint, list in data.dbxaccess_serving_endpoint_permissions.all : {
      for p in list.permissions : "${endpoint}/${p.principal}" => merge(p, { endpoint_name = endpoint })
      if !p.inherited && p.group_name != "admins"
    }
  ]...)
}

# Imported as it is.

import {
  for_each = local.service_principals
  to       = dbxaccess_service_principal.all[each.key]
  id       = each.key
}

resource "dbxaccess_service_principal" "all" {
  for_each       = local.service_principals
  application_id = each.key
  on_destroy     = "retain" # taking one out of this file must not delete it
}

import {
  for_each = local.grants
  to       = dbxaccess_serving_endpoint_permission.all[each.key]
  id       = each.key
}

resource "dbxaccess_serving_endpoint_permission" "all" {
  for_each               = local.grants
  endpoint_name          = each.value.endpoint_name
  service_principal_name = each.value.service_principal_name
  user_name              = each.value.user_name
  group_name             = each.value.group_name
  permission_level       = each.value.permission_level
}

# The same, written out: one import block each, for a configuration that Terraform generates and that people keep.

locals {
  imports = merge(
    { for id, sp in local.service_principals : "dbxaccess_service_principal.${replace("app_${sp.display_name}", "/[^0-9A-Za-z]+/", "_")}_${substr(sha1(id), 0, 4)}" => id },
    { for id, p in local.grants : "dbxaccess_serving_endpoint_permission.${replace("on_${p.endpoint_name}_${coalesce(p.display_name, p.group_name)}", "/[^0-9A-Za-z]+/", "_")}_${substr(sha1(id), 0, 4)}" => id },
  )
}

output "import_blocks" {
  description = "terraform output -raw import_blocks > imports.tf"
  value       = join("\n", [for to, id in local.imports : "import {\n  provider = dbxaccess\n  to       = ${to}\n  id       = ${jsonencode(id)}\n}\n"])
}

output "found" {
  value = {
    service_principals = length(local.service_principals)
    grants             = length(local.grants)
  }
}

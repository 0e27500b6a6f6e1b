# Gives principals access to serving endpoints: one resource per grant, so that other grants on the endpoint stay as they are.

terraform {
  required_version = ">= 1.8"
  required_providers {
    dbxaccess = {
      source = "dbxaccess/dbxaccess"
    }
  }
}

locals {
  # In a local, so that Terraform evaluates it once and not once for each grant.
  grants = merge([
    for endpoint, principals in var.endpoints : {
      for principal, level in principals : "${endpoint}/${principal}" => {
        endpoint  = endpoint
        kind      = split("=", principal)[0]
        name      = join("=", slice(split("=", principal), 1, length(split("=", principal))))
        principal = principal
        level     = level
      }
    }
  ]...)
}

resource "dbxaccess_serving_endpoint_permission" "this" {
  for_each               = local.grants
  endpoint_name          = each.value.endpoint
  permission_level       = each.value.level
  service_principal_name = each.value.kind == "service_principal_name" ? each.value.name : null
  user_name              = each.value.kind == "user_name" ? each.value.name : null
  group_name             = each.value.kind == "group_name" ? each.value.name : null
  overwrite_existing     = var.overwrite_existing
}

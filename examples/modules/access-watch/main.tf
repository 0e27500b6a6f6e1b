# Watches who has access: each deviation from what is allowed is one line of an error, so a plan ends with exit code 1. A
# check block would only warn, and a nightly job would stay green.

terraform {
  required_version = ">= 1.8"
  required_providers {
    dbxaccess = {
      source = "dbxaccess/dbxaccess"
    }
  }
}

# Direct grants: an unexpected one, a missing one, another level.
data "dbxaccess_serving_endpoint_permissions" "watched" {
  for_each      = var.endpoints
  endpoint_name = each.key

  lifecycle {
    postcondition {
      # As JSON, because an empty map from a for expression has no element type and so equals no map.
      condition = jsonencode({ for p in self.permissions : p.principal => p.permission_level if !p.inherited }) == jsonencode(each.value)
      error_message = join("\n", concat(
        [
          for p in self.permissions : "Endpoint ${each.key}: ${p.principal}${p.display_name == null ? "" : " (${p.display_name})"} holds ${p.permission_level} and may hold ${lookup(each.value, p.principal, "nothing")}."
          if !p.inherited && lookup(each.value, p.principal, "") != p.permission_level
        ],
        [
          for principal, level in each.value : "Endpoint ${each.key}: ${principal} should hold ${level} and holds nothing."
          if !contains([for p in self.permissions : p.principal if !p.inherited], principal)
        ],
      ))
    }
  }
}

# Access by groups: a member that may not be there, and groups whose members cannot be seen.
data "dbxaccess_serving_endpoint_access" "watched" {
  for_each      = length(var.groups) == 0 ? {} : var.endpoints
  endpoint_name = each.key

  lifecycle {
    postcondition {
      condition = alltrue(flatten([
        for p in self.principals : [for way in p.via : [for group in split(" > ", way) : contains(lookup(var.groups, group, [p.principal]), p.principal)]]
      ]))
      error_message = join("\n", distinct(flatten([
        for p in self.principals : [
          for way in p.via : [
            for group in split(" > ", way) : "Group ${group}: ${p.principal}${p.display_name == null ? "" : " (${p.display_name})"} is a member and may not be; it gives ${p.permission_level} on endpoint ${each.key}."
            if !contains(lookup(var.groups, group, [p.principal]), p.principal)
          ]
        ]
      ])))
    }
    postcondition {
      condition = alltrue([for g in self.unexpanded_groups : !contains(keys(var.groups), g.group_name)])
      error_message = join("\n", [
        for g in self.unexpanded_groups : "Group ${g.group_name}: its members cannot be seen (${g.reason}); it gives ${g.permission_level} on endpoint ${each.key}."
        if contains(keys(var.groups), g.group_name)
      ])
    }
  }
}

# Service principals: deactivated or activated, put into a group or taken out of one.
data "dbxaccess_service_principal" "watched" {
  for_each       = var.service_principals
  application_id = each.key

  lifecycle {
    postcondition {
      condition     = self.active == each.value.active
      error_message = "Service principal ${each.key} (${self.display_name}) is ${self.active == null ? "not visible enough to know whether it is active" : self.active ? "active" : "deactivated"}, and should be ${each.value.active ? "active" : "deactivated"}."
    }
    postcondition {
      condition = self.groups == null ? false : self.groups == each.value.groups
      error_message = self.groups == null ? "Service principal ${each.key} (${self.display_name}): its groups cannot be seen; the provider's identity must be a workspace admin." : join("\n", concat(
        [for g in setsubtract(self.groups, each.value.groups) : "Service principal ${each.key} (${self.display_name}) is in group ${g} and may not be."],
        [for g in setsubtract(each.value.groups, self.groups) : "Service principal ${each.key} (${self.display_name}) should be in group ${g} and is not."],
      ))
    }
  }
}

data "dbxaccess_serving_endpoint_permissions" "iris" {
  endpoint_name = "iris"
}

output "managers" {
  description = "Who may change the endpoint, apart from what admins inherit."
  value = [
    for p in data.dbxaccess_serving_endpoint_permissions.iris.permissions : coalesce(p.display_name, p.principal)
    if p.permission_level == "CAN_MANAGE" && !p.inherited
  ]
}

# A person's own grant on a production endpoint is reported in every plan.
check "no_people" {
  assert {
    condition     = length(data.dbxaccess_serving_endpoint_permissions.iris.users) == 0
    error_message = "Granted to people: ${join(", ", keys(data.dbxaccess_serving_endpoint_permissions.iris.users))}."
  }
}

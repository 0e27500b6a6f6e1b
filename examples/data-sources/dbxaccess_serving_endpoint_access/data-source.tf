data "dbxaccess_serving_endpoint_access" "iris" {
  endpoint_name = "iris"
}

output "callers" {
  description = "Who can call the endpoint, and by which way."
  value = {
    for p in data.dbxaccess_serving_endpoint_access.iris.principals : p.principal => join(", ", p.via)
    if p.can_query
  }
}

# Every plan tells when the answer is not the whole truth.
check "complete" {
  assert {
    condition = length(data.dbxaccess_serving_endpoint_access.iris.unexpanded_groups) == 0
    error_message = join("\n", [
      for g in data.dbxaccess_serving_endpoint_access.iris.unexpanded_groups : "Group ${g.group_name} gives ${g.permission_level}: ${g.reason}."
    ])
  }
}

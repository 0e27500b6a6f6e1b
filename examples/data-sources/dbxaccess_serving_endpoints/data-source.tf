data "dbxaccess_serving_endpoints" "prod" {
  name_prefix = "prod-"
  tags        = { team = "botany" }
}

output "models" {
  value = {
    for e in data.dbxaccess_serving_endpoints.prod.endpoints : e.name => [
      for m in e.served_entities : "${m.entity_name}, version ${m.entity_version}"
    ]
  }
}

# Every endpoint of the workspace that has an access list, and that list. Foundation models have none: by default every member may call them.
data "dbxaccess_serving_endpoints" "all" {}

data "dbxaccess_serving_endpoint_permissions" "all" {
  for_each      = toset([for e in data.dbxaccess_serving_endpoints.all.endpoints : e.name if e.id != null])
  endpoint_name = each.key
}

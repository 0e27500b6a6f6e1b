output "watched" {
  description = "What was compared, for a report: the endpoints, groups and service principals."
  value = {
    endpoints          = keys(data.dbxaccess_serving_endpoint_permissions.watched)
    groups             = keys(var.groups)
    service_principals = keys(data.dbxaccess_service_principal.watched)
  }
}

data "dbxaccess_serving_endpoint" "iris" {
  name = "iris"
}

output "invocation_url" {
  description = "Where the application sends its requests."
  value       = data.dbxaccess_serving_endpoint.iris.invocation_url
}

output "models" {
  value = [for m in data.dbxaccess_serving_endpoint.iris.served_entities : "${m.entity_name}, version ${m.entity_version}"]
}

output "grants" {
  description = "Endpoint → principal → level, as granted: the argument endpoints of the module access-watch, and managed of the access report."
  value = {
    for endpoint in keys(var.endpoints) : endpoint => {
      for grant in local.grants : grant.principal => dbxaccess_serving_endpoint_permission.this["${endpoint}/${grant.principal}"].permission_level if grant.endpoint == endpoint
    }
  }
}

data "dbxaccess_service_principal" "deployer" {
  display_name = "deployer"
}

output "deployer" {
  value = data.dbxaccess_service_principal.deployer.application_id
}

# Every plan tells when it has more power than it needs.
check "no_admin" {
  assert {
    condition     = !contains(data.dbxaccess_service_principal.deployer.groups, "admins")
    error_message = "${data.dbxaccess_service_principal.deployer.display_name} is a workspace admin."
  }
}

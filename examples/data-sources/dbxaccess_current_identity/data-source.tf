# Who is logged in, and by what: the smoke test of a login.
data "dbxaccess_current_identity" "deployer" {}

output "deployer" {
  value = "${data.dbxaccess_current_identity.deployer.display_name} by ${data.dbxaccess_current_identity.deployer.auth_type}"
}

# A certificate that expires within 30 days is reported in every plan.
check "certificate" {
  assert {
    condition = (
      data.dbxaccess_current_identity.deployer.certificate_expires_at == null ? true :
      timecmp(data.dbxaccess_current_identity.deployer.certificate_expires_at, timeadd(plantimestamp(), "720h")) > 0
    )
    error_message = "The client certificate expires at ${coalesce(data.dbxaccess_current_identity.deployer.certificate_expires_at, "?")}. Roll it over."
  }
}

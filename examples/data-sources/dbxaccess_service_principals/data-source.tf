data "dbxaccess_service_principals" "scoring" {
  display_name_prefix = "iris-"
}

output "scoring" {
  description = "Application id of each, by name."
  value = {
    for sp in data.dbxaccess_service_principals.scoring.service_principals : sp.display_name => sp.application_id...
  }
}

# Those that were switched off and are still there.
data "dbxaccess_service_principals" "off" {
  active = false
}

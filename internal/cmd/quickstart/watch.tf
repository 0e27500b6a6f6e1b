# What the module access-watch allows in this demo. Its plan is the second job of the night: any other access is an error.

terraform {
  required_providers {
    dbxaccess = {
      source = "dbxaccess/dbxaccess"
    }
  }
}

variable "scoring_application_id" {
  type = string
}

data "dbxaccess_current_identity" "deployer" {}

module "watch" {
  source = "../access-watch"

  endpoints = {
    iris = {
      "service_principal_name=${var.scoring_application_id}" = "CAN_QUERY"
      "user_name=ada@example.com"                            = "CAN_MANAGE"
    }
  }
  groups = {
    admins = ["user_name=ada@example.com", "service_principal_name=${data.dbxaccess_current_identity.deployer.application_id}"]
  }
  service_principals = {
    (var.scoring_application_id) = { active = true, groups = [] }
  }
}

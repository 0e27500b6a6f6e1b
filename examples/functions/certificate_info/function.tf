variable "client_certificate" {
  description = "PFX file in base64, such as filebase64(\"deployer.pfx\")."
  type        = string
  sensitive   = true
}

variable "client_certificate_password" {
  type      = string
  sensitive = true
}

locals {
  deployer = nonsensitive(provider::dbxaccess::certificate_info(var.client_certificate, var.client_certificate_password))
}

output "thumbprint" {
  description = "As App registrations > Certificates & secrets shows it."
  value       = local.deployer.thumbprint_sha1
}

output "expires" {
  value = local.deployer.not_after
}

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
  pem = sensitive(provider::dbxaccess::pfx_to_pem(var.client_certificate, var.client_certificate_password))
}

output "certificate" {
  description = "The public half, to upload to the app registration."
  value       = nonsensitive(local.pem.certificate_pem)
}

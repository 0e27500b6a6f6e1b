variable "client_certificate_path" {
  description = "PFX or PEM file with the client certificate and its private key."
  type        = string
}

# The file's content is an argument alone: neither plan nor state holds it. A file without a password takes "" or null.
locals {
  deployer = provider::dbxaccess::certificate_info(filebase64(var.client_certificate_path), "")
}

output "thumbprint" {
  description = "As App registrations > Certificates & secrets shows it."
  value       = local.deployer.thumbprint_sha1
}

output "expires" {
  value = local.deployer.not_after
}

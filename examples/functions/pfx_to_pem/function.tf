variable "client_certificate" {
  description = "PFX file in base64, such as filebase64(\"deployer.pfx\")."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "client_certificate_password" {
  type      = string
  sensitive = true
  ephemeral = true
}

# What comes of ephemeral values is ephemeral: good for a provider block and for write-only arguments, and nothing keeps it.
locals {
  pem = sensitive(provider::dbxaccess::pfx_to_pem(var.client_certificate, var.client_certificate_password))

  bundle = "${local.pem.private_key_pem}${local.pem.certificate_pem}${local.pem.chain_pem}"
}

terraform {
  required_providers {
    dbxaccess = {
      source = "dbxaccess/dbxaccess"
    }
  }
}

# As a service principal with a certificate. Its password comes from the environment: ARM_CLIENT_CERTIFICATE_PASSWORD.
provider "dbxaccess" {
  host                    = "https://adb-1234567890123456.7.azuredatabricks.net"
  tenant_id               = "8f1ab3a4-9a0d-4b8c-9b0e-2f6c1d1e7a55"
  client_id               = "4c2f6b1e-7d55-4a6e-8a39-0d7c7a9c1f20"
  client_certificate_path = "~/certificates/deployer.pfx"
}

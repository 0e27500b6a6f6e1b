# One application may score one serving endpoint, and nobody holds a secret for it: from the registration in Entra ID to a
# scored row.
#
# The application's certificate is created in its own vault and never leaves it. The provider logs in with it to create a
# token that belongs to the application, and writes the token to the same vault. The application logs in to Entra ID by
# workload identity federation, and reads its token there.
#
# All four providers take their login from the environment (ARM_TENANT_ID, ARM_CLIENT_ID, ARM_SUBSCRIPTION_ID and a
# certificate or ARM_USE_OIDC). That identity may register applications (Application.ReadWrite.OwnedBy), is Contributor and
# Role Based Access Control Administrator of the resource group, and is a workspace admin.

terraform {
  required_version = ">= 1.11"
  required_providers {
    azuread = {
      source  = "hashicorp/azuread"
      version = "3.9.0"
    }
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "5.2.0"
    }
    databricks = {
      source  = "databricks/databricks"
      version = "1.128.0"
    }
    dbxaccess = {
      source  = "dbxaccess/dbxaccess"
      version = "0.1.0"
    }
  }
}

variable "workspace_url" {
  description = "Address of the workspace, such as https://adb-1234567890123456.7.azuredatabricks.net."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group for the application's vault."
  type        = string
}

variable "location" {
  description = "Azure region of the vault."
  type        = string
  default     = "westeurope"
}

variable "vault_name" {
  description = "Name of the vault. It is unique in all of Azure."
  type        = string
}

variable "model" {
  description = "Registered model that the endpoint serves, and its version."
  type        = object({ name = string, version = string })
  default     = { name = "main.models.iris", version = "1" }
}

variable "workload" {
  description = "Who the application is where it runs: issuer and subject of its tokens, such as those of a Kubernetes service account."
  type        = object({ issuer = string, subject = string })
}

provider "azuread" {}

provider "azurerm" {
  features {}
}

provider "databricks" {
  host = var.workspace_url
}

provider "dbxaccess" {
  host = var.workspace_url
}

data "azurerm_client_config" "deployer" {}

# 1. The application in Entra ID, and its service principal.

resource "azuread_application_registration" "scoring" {
  display_name = "iris-scoring"
}

resource "azuread_service_principal" "scoring" {
  client_id = azuread_application_registration.scoring.client_id
}

# 2. Its credentials: a certificate for the provider, which creates its tokens, and federation for the application itself.

resource "azurerm_key_vault" "scoring" {
  name                       = var.vault_name
  location                   = var.location
  resource_group_name        = var.resource_group_name
  tenant_id                  = data.azurerm_client_config.deployer.tenant_id
  sku_name                   = "standard"
  rbac_authorization_enabled = true
}

resource "azurerm_role_assignment" "deployer" {
  for_each = toset(["Key Vault Certificates Officer", "Key Vault Secrets Officer"])

  scope                = azurerm_key_vault.scoring.id
  role_definition_name = each.key
  principal_id         = data.azurerm_client_config.deployer.object_id
}

resource "azurerm_role_assignment" "scoring" {
  scope                            = azurerm_key_vault.scoring.id
  role_definition_name             = "Key Vault Secrets User"
  principal_id                     = azuread_service_principal.scoring.object_id
  skip_service_principal_aad_check = true # it was created a moment ago
}

resource "azurerm_key_vault_certificate" "scoring" {
  name         = "iris-scoring"
  key_vault_id = azurerm_key_vault.scoring.id

  certificate_policy {
    issuer_parameters {
      name = "Self"
    }
    key_properties {
      exportable = true # the provider signs with it
      key_type   = "RSA"
      key_size   = 2048
      reuse_key  = false
    }
    secret_properties {
      content_type = "application/x-pkcs12"
    }
    x509_certificate_properties {
      subject            = "CN=iris-scoring"
      key_usage          = ["digitalSignature"]
      validity_in_months = 12
    }
    # The vault renews it. The next apply registers the new one, and no token depends on the old one.
    lifetime_action {
      action {
        action_type = "AutoRenew"
      }
      trigger {
        days_before_expiry = 60
      }
    }
  }

  depends_on = [azurerm_role_assignment.deployer]
}

resource "azuread_application_certificate" "scoring" {
  application_id = azuread_application_registration.scoring.id
  type           = "AsymmetricX509Cert"
  encoding       = "hex"
  value          = azurerm_key_vault_certificate.scoring.certificate_data
  start_date     = azurerm_key_vault_certificate.scoring.certificate_attribute[0].not_before
  end_date       = azurerm_key_vault_certificate.scoring.certificate_attribute[0].expires
}

resource "azuread_application_federated_identity_credential" "workload" {
  application_id = azuread_application_registration.scoring.id
  display_name   = "workload"
  audiences      = ["api://AzureADTokenExchange"]
  issuer         = var.workload.issuer
  subject        = var.workload.subject
}

# 3. The service principal in the workspace. Steps 4 to 6 of the recipe, the role on the subscription and the tokens of the
#    Azure CLI, are not needed.

resource "dbxaccess_service_principal" "scoring" {
  application_id = azuread_application_registration.scoring.client_id
  display_name   = azuread_application_registration.scoring.display_name
  entitlements   = []

  depends_on = [azuread_service_principal.scoring]
}

# 7. The endpoint, and the right to query it. With endpoint_id, an endpoint that is replaced is granted again in the same
#    apply.

resource "databricks_model_serving" "iris" {
  name = "iris"

  config {
    served_entities {
      name                  = "iris"
      entity_name           = var.model.name
      entity_version        = var.model.version
      workload_size         = "Small"
      scale_to_zero_enabled = true
    }
  }
}

resource "dbxaccess_serving_endpoint_permission" "scoring" {
  endpoint_name          = databricks_model_serving.iris.name
  endpoint_id            = databricks_model_serving.iris.serving_endpoint_id
  service_principal_name = dbxaccess_service_principal.scoring.application_id
  permission_level       = "CAN_QUERY"
}

# 8. A token that belongs to the application. Its value is in the vault, and in no state.

resource "dbxaccess_token_permission" "scoring" {
  service_principal_name = dbxaccess_service_principal.scoring.application_id
}

resource "dbxaccess_service_principal_token" "scoring" {
  owner = {
    application_id = dbxaccess_service_principal.scoring.application_id
    key_vault = {
      vault_uri        = azurerm_key_vault.scoring.vault_uri
      certificate_name = azurerm_key_vault_certificate.scoring.name
    }
  }
  comment               = "iris scoring"
  scopes                = ["model-serving"]
  lifetime_seconds      = 30 * 24 * 60 * 60
  rotate_before_seconds = 10 * 24 * 60 * 60
  overlap_seconds       = 2 * 24 * 60 * 60

  key_vault_secret = {
    vault_uri = azurerm_key_vault.scoring.vault_uri
    name      = "iris-token"
  }

  depends_on = [
    azuread_application_certificate.scoring,
    azurerm_role_assignment.deployer,
    dbxaccess_token_permission.scoring,
  ]
}

# 9. Proof: a row is scored with the token that is in the vault.

data "dbxaccess_serving_endpoint_query" "proof" {
  endpoint_name  = databricks_model_serving.iris.name
  query_as       = "key_vault_secret"
  store_response = true
  key_vault_secret = {
    vault_uri = dbxaccess_service_principal_token.scoring.key_vault_secret.vault_uri
    name      = dbxaccess_service_principal_token.scoring.key_vault_secret.name
  }
  request = jsonencode({
    dataframe_records = [
      { sepal_length = 5.1, sepal_width = 3.5, petal_length = 1.4, petal_width = 0.2 },
    ]
  })

  depends_on = [
    dbxaccess_service_principal.scoring,
    dbxaccess_serving_endpoint_permission.scoring,
    dbxaccess_service_principal_token.scoring,
  ]
}

output "application" {
  description = "What the application needs: it logs in to Entra ID with its workload's token, reads the secret, and calls the endpoint."
  value = {
    tenant_id = data.azurerm_client_config.deployer.tenant_id
    client_id = azuread_application_registration.scoring.client_id
    vault_uri = azurerm_key_vault.scoring.vault_uri
    secret    = dbxaccess_service_principal_token.scoring.key_vault_secret.name
    endpoint  = databricks_model_serving.iris.endpoint_url
  }
}

output "species" {
  value = nonsensitive(jsondecode(data.dbxaccess_serving_endpoint_query.proof.response).predictions)
}

# Values for what only the workspace knows, so that a test with mock_provider "dbxaccess" reads as a real run does: ids have
# their form, times can be computed with, and what the provider would choose by default is chosen. Lists of objects are empty:
# Terraform cannot fill them in a mock.

mock_resource "dbxaccess_service_principal" {
  defaults = {
    id                                 = "1000000000000001"
    application_id                     = "00000000-0000-4000-8000-000000000001"
    display_name                       = "mocked service principal"
    active                             = true
    delete_tokens_when_inactive        = true
    delete_oauth_secrets_when_inactive = true
    entitlements                       = []
    adopt_existing                     = false
    on_destroy                         = "delete"
    external_id                        = "00000000-0000-4000-8000-000000000002"
    workspace_id                       = "1000000000000000"
  }
}

mock_resource "dbxaccess_group_member" {
  defaults = {
    id                   = "mocked group/00000000-0000-4000-8000-000000000001"
    group_id             = "1000000000000003"
    service_principal_id = "1000000000000001"
    workspace_id         = "1000000000000000"
  }
}

mock_resource "dbxaccess_serving_endpoint_permission" {
  defaults = {
    id                 = "mocked-endpoint/00000000-0000-4000-8000-000000000001"
    endpoint_id        = "00000000000000000000000000000001"
    permission_level   = "CAN_QUERY"
    overwrite_existing = false
    display_name       = "mocked principal"
    workspace_id       = "1000000000000000"
  }
}

mock_resource "dbxaccess_serving_endpoint_permissions_exclusive" {
  defaults = {
    id                = "mocked-endpoint"
    endpoint_id       = "00000000000000000000000000000001"
    on_unlisted       = "remove"
    removed_on_create = []
    workspace_id      = "1000000000000000"
  }
}

mock_resource "dbxaccess_token_permission" {
  defaults = {
    id           = "00000000-0000-4000-8000-000000000001"
    display_name = "mocked principal"
    workspace_id = "1000000000000000"
  }
}

mock_resource "dbxaccess_service_principal_oauth_secret" {
  defaults = {
    id                        = "0000000000000000000000000000000000000000000000000000000000000002"
    secret_id                 = "0000000000000000000000000000000000000000000000000000000000000002"
    client_id                 = "00000000-0000-4000-8000-000000000001"
    service_principal_id      = "1000000000000001"
    secret_value              = "mocked secret"
    secret_value_in_state     = true
    token_url                 = "https://adb-1000000000000000.0.azuredatabricks.net/oidc/v1/token"
    scopes                    = []
    verify                    = true
    lifetime_seconds          = 7776000
    rotate_before_seconds     = 2592000
    overlap_seconds           = 86400
    on_unverifiable           = "error"
    created_at                = "2030-01-01T00:00:00Z"
    rotate_at                 = "2030-03-02T00:00:00Z"
    expires_at                = "2030-04-01T00:00:00Z"
    previous_secret_id        = ""
    previous_secret_delete_at = "2030-01-02T00:00:00Z"
    rotation_reason           = ""
    workspace_id              = "1000000000000000"
  }
}

mock_resource "dbxaccess_service_principal_token" {
  defaults = {
    id                       = "0000000000000000000000000000000000000000000000000000000000000001"
    token_id                 = "0000000000000000000000000000000000000000000000000000000000000001"
    token_value              = "mocked token"
    token_value_in_state     = true
    scopes                   = []
    lifetime_seconds         = 7776000
    rotate_before_seconds    = 2592000
    overlap_seconds          = 86400
    on_unverifiable          = "error"
    created_at               = "2030-01-01T00:00:00Z"
    rotate_at                = "2030-03-02T00:00:00Z"
    expires_at               = "2030-04-01T00:00:00Z"
    previous_token_id        = ""
    previous_token_revoke_at = "2030-01-02T00:00:00Z"
    rotation_reason          = ""
    workspace_id             = "1000000000000000"
  }
}

mock_data "dbxaccess_service_principal" {
  defaults = {
    id             = "1000000000000001"
    application_id = "00000000-0000-4000-8000-000000000001"
    display_name   = "mocked service principal"
    active         = true
    entitlements   = []
    external_id    = "00000000-0000-4000-8000-000000000002"
    groups         = []
    workspace_id   = "1000000000000000"
  }
}

mock_data "dbxaccess_service_principals" {
  defaults = {
    workspace_id = "1000000000000000"
  }
}

mock_data "dbxaccess_serving_endpoint" {
  defaults = {
    id               = "00000000000000000000000000000001"
    creator          = "somebody@example.com"
    description      = ""
    state            = "READY"
    config_update    = "NOT_UPDATING"
    created_at       = "2030-01-01T00:00:00Z"
    updated_at       = "2030-01-01T00:00:00Z"
    invocation_url   = "https://adb-1000000000000000.0.azuredatabricks.net/serving-endpoints/mocked-endpoint/invocations"
    permission_level = "CAN_MANAGE"
    route_optimized  = false
    tags             = {}
    task             = ""
    workspace_id     = "1000000000000000"
  }
}

mock_data "dbxaccess_serving_endpoints" {
  defaults = {
    workspace_id = "1000000000000000"
  }
}

mock_data "dbxaccess_serving_endpoint_permissions" {
  defaults = {
    endpoint_id        = "00000000000000000000000000000001"
    service_principals = {}
    users              = {}
    groups             = {}
    workspace_id       = "1000000000000000"
  }
}

mock_data "dbxaccess_serving_endpoint_access" {
  defaults = {
    endpoint_id  = "00000000000000000000000000000001"
    workspace_id = "1000000000000000"
  }
}

mock_data "dbxaccess_serving_endpoint_query" {
  defaults = {
    status       = 200
    served_model = "mocked-model"
    response     = "{}"
  }
}

mock_data "dbxaccess_token_permissions" {
  defaults = {
    exists             = true
    service_principals = {}
    users              = {}
    groups             = { admins = "CAN_MANAGE" }
    workspace_id       = "1000000000000000"
  }
}

mock_data "dbxaccess_clusters" {
  defaults = {
    workspace_id = "1000000000000000"
  }
}

mock_data "dbxaccess_current_identity" {
  defaults = {
    id                            = "1000000000000004"
    user_name                     = "00000000-0000-4000-8000-000000000004"
    application_id                = "00000000-0000-4000-8000-000000000004"
    client_id                     = "00000000-0000-4000-8000-000000000004"
    tenant_id                     = "00000000-0000-4000-8000-000000000005"
    display_name                  = "mocked deployer"
    groups                        = ["admins"]
    host                          = "https://adb-1000000000000000.0.azuredatabricks.net"
    auth_type                     = "certificate"
    auth_source                   = "client_certificate_path"
    cloud                         = "public"
    certificate_subject           = "CN=mocked deployer"
    certificate_thumbprint_sha1   = "0000000000000000000000000000000000000001"
    certificate_thumbprint_sha256 = "0000000000000000000000000000000000000000000000000000000000000001"
    certificate_expires_at        = "2040-01-01T00:00:00Z"
    token_claims                  = "{\"appid\":\"00000000-0000-4000-8000-000000000004\",\"tid\":\"00000000-0000-4000-8000-000000000005\"}"
    workspace_id                  = "1000000000000000"
  }
}

# Whom does the provider's token name, and until when?
ephemeral "dbxaccess_entra_token" "mine" {}

locals {
  claims  = provider::dbxaccess::jwt_claims(ephemeral.dbxaccess_entra_token.mine.access_token)
  expires = timeadd("1970-01-01T00:00:00Z", "${local.claims.exp}s")
}

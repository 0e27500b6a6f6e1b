# Stops the pipeline over an OAuth secret that never expires.
data "dbxaccess_oauth_secrets" "all" {
  lifecycle {
    postcondition {
      condition     = alltrue([for s in self.secrets : s.expires_at != null])
      error_message = "Never expire: ${join(", ", [for s in self.secrets : "${s.display_name} ${s.secret_id}" if s.expires_at == null])}."
    }
  }
}

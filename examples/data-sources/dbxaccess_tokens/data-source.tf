# No token of the workspace may be older than 90 days, be without an end, or be about to die. A failed postcondition stops
# the plan with exit code 1, so a nightly job fails; a failed check block would only warn.
data "dbxaccess_tokens" "all" {
  lifecycle {
    postcondition {
      condition = alltrue([for t in self.tokens : timecmp(t.created_at, timeadd(plantimestamp(), "-2160h")) > 0])
      error_message = "Older than 90 days: ${join("; ", [
        for t in self.tokens : "${t.owner_kind} ${t.owner_name}, ${t.comment}, made ${t.created_at}"
        if timecmp(t.created_at, timeadd(plantimestamp(), "-2160h")) <= 0
      ])}"
    }
    postcondition {
      condition = alltrue([for t in self.tokens : t.expires_at == null ? false : timecmp(t.expires_at, timeadd(plantimestamp(), "168h")) > 0])
      error_message = "Expires within 7 days, or never: ${join("; ", [
        for t in self.tokens : "${t.owner_kind} ${t.owner_name}, ${t.comment}, ${t.expires_at == null ? "without an end" : "dies ${t.expires_at}"}"
        if t.expires_at == null ? true : timecmp(t.expires_at, timeadd(plantimestamp(), "168h")) <= 0
      ])}"
    }
  }
}

# Personal tokens that should belong to an application, and tokens that can do whatever their owner can.
output "tokens_to_replace" {
  value = [for t in data.dbxaccess_tokens.all.tokens : "${t.owner_name}: ${t.comment}" if t.owner_kind == "user" || length(t.scopes) == 0]
}

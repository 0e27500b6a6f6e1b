# The smoke test of a new login: any member of the workspace may list clusters.
data "dbxaccess_clusters" "all" {}

output "running" {
  value = [for c in data.dbxaccess_clusters.all.clusters : c.name if c.state == "RUNNING"]
}

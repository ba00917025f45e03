# The names of all that a network is made of. deployment/target.py has the same rules, for
# bin/deploy; a test compares the two. No provider is needed here.

variable "project" {
  type        = string
  description = "Project id."
}

variable "project_number" {
  type        = string
  description = "Project number, a part of the services' addresses."
}

variable "region" {
  type        = string
  description = "Region of all resources."
}

variable "environment" {
  type        = string
  description = "prod, or what the names of all resources end with."
}

variable "services" {
  type        = list(string)
  description = "Services and senders of requests."
}

locals {
  suffix    = var.environment == "prod" ? "" : "-${var.environment}"
  names     = { for one in var.services : one => "${one}${local.suffix}" }
  instance  = "panoptes-meta${local.suffix}"
  registry  = "panoptes${local.suffix}"
  processed = "${var.project}-processed${local.suffix}"
  raw       = "${var.project}-raw${local.suffix}"
  users     = { for one, name in local.names : one => "${name}@${var.project}.iam" }
  workers   = { gce-plate-solver = "SOLVER_SUBSCRIPTION", gce-light-curves = "LIGHT_CURVE_SUBSCRIPTION" }
  images    = "${var.region}-docker.pkg.dev/${var.project}/${local.registry}"
}

output "suffix" {
  value = local.suffix
}

output "names" {
  value = local.names
}

output "accounts" {
  value = { for one, user in local.users : one => "${user}.gserviceaccount.com" }
}

output "database_users" {
  value = local.users
}

output "urls" {
  value = {
    for one, name in local.names : one => "https://${name}-${var.project_number}.${var.region}.run.app"
  }
}

output "buckets" {
  value = { raw = local.raw, processed = local.processed }
}

output "network" {
  value = "panoptes${local.suffix}"
}

output "instance" {
  value = local.instance
}

output "registry" {
  value = local.registry
}

output "worker_images" {
  value = { for one in keys(local.workers) : one => "${local.images}/${one}:current" }
}

output "worker_environments" {
  value = {
    for one, subscription in local.workers : one => {
      GOOGLE_CLOUD_PROJECT = var.project
      PROCESSED_BUCKET     = local.processed
      (subscription)       = "${one}${local.suffix}"
      DATABASE_URL         = "postgresql+pg8000://${one}${local.suffix}%40${var.project}.iam@/metadata"
      CLOUD_SQL_INSTANCE   = "${var.project}:${var.region}:${local.instance}"
      HEALTH_HOST          = "0.0.0.0"
      HEALTH_PORT          = "8080"
    }
  }
}

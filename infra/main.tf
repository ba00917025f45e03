# What the services are and need is in their deploy.toml files; `python -m deployment.infra` writes
# services.json from those.

locals {
  network  = jsondecode(file("${path.module}/services.json"))
  services = local.network.services
  served   = { for name, one in local.services : name => one if contains(["function", "web"], one.kind) }
  # Who calls the services from outside: each is an account of its own.
  senders = ["eventarc", "monitoring", "operator", "pubsub-push", "scheduler"]
  number  = data.google_project.current.number

  apis = toset([
    "artifactregistry", "billingbudgets", "cloudbuild", "cloudresourcemanager", "cloudscheduler",
    "compute", "eventarc", "iam", "logging", "monitoring", "pubsub", "run", "secretmanager",
    "servicenetworking", "sqladmin", "storage",
  ])
}

data "google_project" "current" {
  project_id = var.project
}

module "names" {
  source         = "./names"
  project        = var.project
  project_number = local.number
  region         = var.region
  environment    = var.environment
  services       = concat(keys(local.services), local.senders)
}

resource "google_project_service" "api" {
  for_each           = local.apis
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

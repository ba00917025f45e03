# Functions and web services. `bin/deploy` brings their code and settings; what is here is their
# names, who may call them, and a first version that says hello.

resource "google_cloud_run_v2_service" "service" {
  for_each            = local.served
  name                = module.names.names[each.key]
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = false

  template {
    service_account = google_service_account.service[each.key].email

    scaling {
      max_instance_count = each.value.max_instances
    }

    containers {
      image = "us-docker.pkg.dev/cloudrun/container/hello"
    }
  }

  lifecycle {
    ignore_changes = [
      annotations, build_config, client, client_version, labels, template, traffic,
    ]
  }

  depends_on = [google_project_service.api]
}

resource "google_cloud_run_v2_service_iam_member" "caller" {
  for_each = merge([
    for name, one in local.served : {
      for caller in one.callers : "${caller} ${name}" => { caller = caller, service = name }
    }
  ]...)
  name     = google_cloud_run_v2_service.service[each.value.service].name
  location = var.region
  role     = "roles/run.invoker"
  member   = local.member[each.value.caller]
}

# The pages and their data are for everybody.
resource "google_cloud_run_v2_service_iam_member" "public" {
  for_each = { for name, one in local.served : name => one if one.public }
  name     = google_cloud_run_v2_service.service[each.key].name
  location = var.region
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_scheduler_job" "schedule" {
  for_each         = local.network.schedules
  name             = "${each.key}${module.names.suffix}"
  region           = var.region
  schedule         = each.value.cron
  time_zone        = "Etc/UTC"
  attempt_deadline = "600s"

  http_target {
    http_method = "POST"
    uri         = "${module.names.urls[each.value.service]}${each.value.path}"
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode(jsonencode(each.value.body))

    oidc_token {
      service_account_email = google_service_account.service["scheduler"].email
      audience              = module.names.urls[each.value.service]
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_artifact_registry_repository" "images" {
  # checkov:skip=CKV_GCP_84: the images are built of public packages and this repository
  repository_id = module.names.registry
  location      = var.region
  format        = "DOCKER"

  cleanup_policies {
    id     = "keep-newest"
    action = "KEEP"

    most_recent_versions {
      keep_count = 10
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"

    condition {
      older_than = "2592000s"
    }
  }

  depends_on = [google_project_service.api]
}

# Topics, each with a dead-letter topic; pushes signed as an account of their own; the upload's event.

locals {
  dead   = { for topic in local.network.topics : topic => "${topic}-dead" }
  push   = google_service_account.service["pubsub-push"].email
  pubsub = "serviceAccount:service-${local.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic" "topic" {
  # checkov:skip=CKV_GCP_83: messages hold names of objects; Google's own keys encrypt them
  for_each   = toset(concat(local.network.topics, values(local.dead)))
  name       = "${each.key}${module.names.suffix}"
  depends_on = [google_project_service.api]
}

resource "google_pubsub_subscription" "subscription" {
  for_each                   = local.network.subscriptions
  name                       = "${each.key}${module.names.suffix}"
  topic                      = google_pubsub_topic.topic[each.value.topic].id
  ack_deadline_seconds       = each.value.ack_deadline_s
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "${local.network.delivery.min_backoff_s}s"
    maximum_backoff = "${local.network.delivery.max_backoff_s}s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.topic[local.dead[each.value.topic]].id
    max_delivery_attempts = local.network.delivery.max_attempts
  }

  dynamic "push_config" {
    for_each = each.value.path == null ? [] : [module.names.urls[each.value.service]]
    content {
      push_endpoint = "${push_config.value}${each.value.path}"

      oidc_token {
        service_account_email = local.push
        audience              = push_config.value
      }
    }
  }
}

# There is no other place left for a dead letter: it is pushed without end.
resource "google_pubsub_subscription" "dead" {
  for_each                   = local.dead
  name                       = "${each.value}${module.names.suffix}"
  topic                      = google_pubsub_topic.topic[each.value].id
  ack_deadline_seconds       = local.network.delivery.dead_letter_ack_deadline_s
  message_retention_duration = "2678400s"

  expiration_policy {
    ttl = ""
  }

  retry_policy {
    minimum_backoff = "${local.network.delivery.min_backoff_s}s"
    maximum_backoff = "600s"
  }

  push_config {
    push_endpoint = "${module.names.urls["cf-operations"]}/dead-letter"

    oidc_token {
      service_account_email = local.push
      audience              = module.names.urls["cf-operations"]
    }
  }
}

# Pub/Sub itself forwards a dead letter: it publishes it, and takes it from where it was.
resource "google_pubsub_topic_iam_member" "forwards" {
  for_each = local.dead
  topic    = google_pubsub_topic.topic[each.value].id
  role     = "roles/pubsub.publisher"
  member   = local.pubsub
}

resource "google_pubsub_subscription_iam_member" "forwards" {
  for_each     = local.network.subscriptions
  subscription = google_pubsub_subscription.subscription[each.key].id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub
}

resource "google_service_account_iam_member" "push" {
  service_account_id = google_service_account.service["pubsub-push"].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub
}

# The storage service tells of uploads by a topic that Eventarc makes.
data "google_storage_project_service_account" "storage" {
  depends_on = [google_project_service.api]
}

resource "google_project_iam_member" "storage_events" {
  project = var.project
  role    = "roles/pubsub.publisher"
  member  = "serviceAccount:${data.google_storage_project_service_account.storage.email_address}"
}

resource "google_eventarc_trigger" "upload" {
  for_each        = local.network.events
  name            = module.names.names[each.key]
  location        = var.region
  service_account = google_service_account.service["eventarc"].email

  matching_criteria {
    attribute = "type"
    value     = each.value.type
  }

  matching_criteria {
    attribute = "bucket"
    value     = google_storage_bucket.bucket[each.value.bucket].name
  }

  destination {
    cloud_run_service {
      service = google_cloud_run_v2_service.service[each.key].name
      region  = var.region
    }
  }

  depends_on = [
    google_project_iam_member.event_receiver,
    google_project_iam_member.storage_events,
    google_cloud_run_v2_service_iam_member.caller,
  ]
}

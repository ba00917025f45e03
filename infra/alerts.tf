locals {
  curves         = google_pubsub_subscription.subscription["gce-light-curves"].name
  in_environment = "resource.labels.subscription_id = monitoring.regex.full_match(\".*${module.names.suffix}\")"
  channels       = [google_monitoring_notification_channel.email.id]

  alerts = {
    "a message was given up" = {
      filter    = "resource.type = \"pubsub_subscription\" AND metric.type = \"pubsub.googleapis.com/subscription/dead_letter_message_count\" AND ${local.in_environment}"
      aligner   = "ALIGN_DELTA"
      threshold = 0
      duration  = "0s"
      do        = "panoptes-operate dead-letters; docs/runbook.md, What was given up"
    }
    "an image waits for half an hour" = {
      filter    = "resource.type = \"pubsub_subscription\" AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND ${local.in_environment} AND resource.labels.subscription_id != \"${local.curves}\""
      aligner   = "ALIGN_MAX"
      threshold = 1800
      duration  = "300s"
      do        = "Are there plate solvers, do they wait for a part that is away? docs/runbook.md, Alarms"
    }
    "a sequence waits for its light curves for eight hours" = {
      filter    = "resource.type = \"pubsub_subscription\" AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND resource.labels.subscription_id = \"${local.curves}\""
      aligner   = "ALIGN_MAX"
      threshold = 28800
      duration  = "300s"
      do        = "Are there workers of gce-light-curves, do they wait for a part that is away? docs/runbook.md, Alarms"
    }
    "a service answers errors" = {
      filter    = "resource.type = \"cloud_run_revision\" AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\" AND resource.labels.service_name = monitoring.regex.full_match(\".*${module.names.suffix}\")"
      aligner   = "ALIGN_RATE"
      threshold = 0.1
      duration  = "600s"
      do        = "Its log, by severity; docs/runbook.md, Alarms"
    }
    "the database's disk is nearly full" = {
      filter    = "resource.type = \"cloudsql_database\" AND metric.type = \"cloudsql.googleapis.com/database/disk/utilization\" AND resource.labels.database_id = \"${var.project}:${module.names.instance}\""
      aligner   = "ALIGN_MAX"
      threshold = 0.9
      duration  = "600s"
      do        = "docs/scaling.md, stamp rows"
    }
    "the database has few connections left" = {
      filter    = "resource.type = \"cloudsql_database\" AND metric.type = \"cloudsql.googleapis.com/database/postgresql/num_backends\" AND resource.labels.database_id = \"${var.project}:${module.names.instance}\""
      aligner   = "ALIGN_MAX"
      threshold = 600
      duration  = "300s"
      do        = "docs/scaling.md, connections"
    }
  }
}

resource "google_monitoring_notification_channel" "email" {
  display_name = "PANOPTES Network ${var.environment}"
  type         = "email"
  labels       = { email_address = var.alert_email }
  depends_on   = [google_project_service.api]
}

resource "google_monitoring_alert_policy" "alert" {
  for_each              = local.alerts
  display_name          = "${var.environment}: ${each.key}"
  combiner              = "OR"
  notification_channels = local.channels

  conditions {
    display_name = each.key

    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.threshold
      duration        = each.value.duration

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = each.value.aligner
      }
    }
  }

  documentation {
    content   = each.value.do
    mime_type = "text/markdown"
  }
}

resource "google_billing_budget" "budget" {
  billing_account = var.billing_account
  display_name    = "PANOPTES Network ${var.environment}"

  budget_filter {
    projects = ["projects/${local.number}"]
    labels   = { environment = var.environment }
  }

  amount {
    specified_amount {
      currency_code = "USD"
      units         = tostring(var.budget_dollars)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  all_updates_rule {
    monitoring_notification_channels = local.channels
    disable_default_iam_recipients   = false
  }
}

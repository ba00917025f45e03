# One account for each service and each sender, with the roles that its deploy.toml asks for.

resource "google_service_account" "service" {
  for_each     = toset(concat(keys(local.services), local.senders))
  account_id   = module.names.names[each.key]
  display_name = each.key
  depends_on   = [google_project_service.api]
}

locals {
  grants = { for one in local.network.grants : "${one.service} ${one.role} ${one.on} ${one.name}" => one }
  on = {
    for kind in ["bucket", "topic", "subscription", "project"] :
    kind => { for key, one in local.grants : key => one if one.on == kind }
  }
  member = { for name, one in google_service_account.service : name => "serviceAccount:${one.email}" }
}

resource "google_storage_bucket_iam_member" "service" {
  for_each = local.on.bucket
  bucket   = google_storage_bucket.bucket[each.value.name].name
  role     = each.value.role
  member   = local.member[each.value.service]
}

resource "google_pubsub_topic_iam_member" "service" {
  for_each = local.on.topic
  topic    = google_pubsub_topic.topic[each.value.name].id
  role     = each.value.role
  member   = local.member[each.value.service]
}

resource "google_pubsub_subscription_iam_member" "service" {
  for_each     = local.on.subscription
  subscription = google_pubsub_subscription.subscription[each.value.name].id
  role         = each.value.role
  member       = local.member[each.value.service]
}

resource "google_project_iam_member" "service" {
  for_each = local.on.project
  project  = var.project
  role     = each.value.role
  member   = local.member[each.value.service]
}

# Whoever has the database signs in with its account, not with a password.
resource "google_project_iam_member" "database_user" {
  for_each = { for name, one in local.services : name => one if one.database }
  project  = var.project
  role     = "roles/cloudsql.instanceUser"
  member   = local.member[each.key]
}

resource "google_project_iam_member" "worker" {
  for_each = {
    for one in setproduct(keys(local.workers), ["logging.logWriter", "monitoring.metricWriter"]) :
    join(" ", one) => one
  }
  project = var.project
  role    = "roles/${each.value[1]}"
  member  = local.member[each.value[0]]
}

resource "google_project_iam_member" "event_receiver" {
  project = var.project
  role    = "roles/eventarc.eventReceiver"
  member  = local.member["eventarc"]
}

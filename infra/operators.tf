# Operators call the private services as an account of their own: a replay, a film, a sweep.

resource "google_service_account_iam_member" "operator" {
  for_each           = var.operators
  service_account_id = google_service_account.service["operator"].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = each.key
}

# And read the metrics of the public services, as an account that may do nothing else.
resource "google_service_account_iam_member" "monitoring" {
  for_each           = var.operators
  service_account_id = google_service_account.service["monitoring"].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = each.key
}

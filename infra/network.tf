# The database has a private address only; services and workers reach it from this network.

resource "google_compute_network" "network" {
  name                    = module.names.network
  auto_create_subnetworks = false
  depends_on              = [google_project_service.api]
}

resource "google_compute_subnetwork" "subnetwork" {
  name          = module.names.network
  network       = google_compute_network.network.id
  ip_cidr_range = "10.10.0.0/20"
  # Google's services are reached without an address on the internet.
  private_ip_google_access = true

  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_global_address" "database" {
  name          = "${module.names.network}-database"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = google_compute_network.network.id
}

resource "google_service_networking_connection" "database" {
  network                 = google_compute_network.network.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.database.name]
}

# Nothing else may connect to a worker than Google's health check.
resource "google_compute_firewall" "health_check" {
  name          = "${module.names.network}-health-check"
  network       = google_compute_network.network.id
  direction     = "INGRESS"
  source_ranges = ["35.191.0.0/16", "130.211.0.0/22"]
  target_tags   = ["worker"]

  allow {
    protocol = "tcp"
    ports    = [local.health_port]
  }
}

"""Deployment to Google Cloud: requirements of each service, its staged folder, the commands."""

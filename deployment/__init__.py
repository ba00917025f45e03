"""How the services come to Google Cloud: what each needs, its staged folder, the commands."""

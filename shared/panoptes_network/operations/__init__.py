"""What an operator's service and command do: keep dead letters, find what was lost, send again."""

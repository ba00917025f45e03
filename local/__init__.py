"""The whole network on one machine: real servers, one command."""

"""A small Pub/Sub server for the local network: ``python -m local.broker --help``.

What was published survives its restart; leases do not, their messages are delivered again. It has
what the network uses: topics, subscriptions, publish, pull, streaming pull, lease extension, retry
policy, dead-letter topic, push. A request for more (ordering, filter, schema, snapshot,
exactly-once delivery, retention, push token) is refused, never ignored.
"""

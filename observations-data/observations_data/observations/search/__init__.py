"""Which observations a request asks for: its parameters, as conditions, in an order, by place."""

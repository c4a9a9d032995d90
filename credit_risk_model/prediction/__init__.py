"""The models that answer requests, and the schemas of their requests and answers."""

"""The API server: one door (`server.ApiServer.handle`) to a cluster's store.

It imports `sim.api`, `sim.engine` and `sim.etcd`; it knows neither controllers nor hosts.
Left out: webhooks, aggregation, authentication by anything but client certificates.
"""

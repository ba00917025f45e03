"""The network's images and sources in the Virtual Observatory, by the IVOA's standards.

Simple Cone Search 1.03 (`cone_search`), Simple Image Access 2.0 (`image_access`), DataLink 1.1
(`datalink`), a Multi-Order Coverage map (`coverage`) and the VO Support Interfaces 1.1
(`support_interfaces`). `routes` has their routes.
"""

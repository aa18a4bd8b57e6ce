"""Clusters: what stands between a plan and a cluster."""

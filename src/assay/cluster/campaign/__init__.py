"""Campaigns: thousands of artifacts by a few long jobs."""

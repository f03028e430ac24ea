"""Webhooks: /webhooks for administrators; the queue and the schedule send what is due."""

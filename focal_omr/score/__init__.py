"""A score as frozen records: parts, measures, events."""

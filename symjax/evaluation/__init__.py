"""Decode, judge, summarise."""

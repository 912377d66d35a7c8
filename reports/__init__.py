"""Turns a ledger of trials into one HTML file; needs neither Ray nor torch."""

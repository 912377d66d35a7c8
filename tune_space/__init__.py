"""Turns one study file into trials on Ray, and their results into a ledger."""

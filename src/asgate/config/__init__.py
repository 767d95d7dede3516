"""Options: the table (`options`), how a value is read (`kinds`), the typed result (`settings`), the sources
(`load`).
"""

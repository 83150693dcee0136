"""
How events of Binance become records, one file for each family of events.

Each says which fields an event must have, of which types, and what each means.
Whatever does not fit is a :class:`ValueError`, never a record.
"""

"""A HubSpot with state: contacts, unique properties, limits and every kind of bad day.

``python -m kith.standins.hubspot --port 8090 --seed 7 --failure-rate 0.1``
"""

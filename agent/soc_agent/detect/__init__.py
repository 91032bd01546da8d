"""The detector: what happens on this host, matched against rules; alerts wait in the journal until the portal has them.

It watches and tells. What is done about it is an order of the portal.
"""

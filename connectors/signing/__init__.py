"""The signer: the one process that has the key by which endpoint agents believe an order.

It takes nothing from the row of an order alone. Whoever gave the order is asked what exactly was wanted and whether it
still stands, so that a row written behind the portal's back is never signed.
"""

"""The Action center and the dialogs of actions. One module a page."""

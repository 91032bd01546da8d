"""The manners of the native API: one shape of errors, lists, writes, times and ids for every room's endpoints."""

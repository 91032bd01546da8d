"""The line to the endpoint agents: a thin native-async application beside Django's, for thousands of held polls."""

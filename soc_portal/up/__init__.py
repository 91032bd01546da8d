"""Runs the portal on one machine: embedded database and broker, web, workers, beat; and the words of `./soc`."""

"""`./soc backup`, `./soc restore` and `./soc verify`."""

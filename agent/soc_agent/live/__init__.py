"""Live response on the device: typed actions `live.*`, each asked for by a signed command of its own. Nothing is run by
a shell, and no text of a person becomes a command line."""

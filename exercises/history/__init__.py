"""The quarter before the play: what the security team met, decided and learned. Planned by seed, done by services."""

"""The names under which the demo appears in every room."""

from core.actors import Actor

DEMO = "demo"
DIRECTOR = Actor.system("demo")
CONNECTION = "Harbour demo (simulator)"
# One player at a time, whatever the process: a number of our own in the database's space of advisory locks.
PLAYER_LOCK = 0x50C_DE30

"""`python -m soc_agent.guard --folder /`."""

from soc_agent.guard.run import main

main()

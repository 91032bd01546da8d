"""At the start of the host, before its network: what was cut off is cut off again. Needs nothing but nft."""

import argparse
import sys
import time
from pathlib import Path

from soc_agent.folders import Folders
from soc_agent.isolation import IsolationFailed, reload


def main() -> None:
    parser = argparse.ArgumentParser(prog="soc-agent-isolation", description="Cut the host off again after a start.")
    parser.add_argument("--folder", type=Path, default=Path("/"), help="the root of the agent's own folders")
    arguments = parser.parse_args()
    try:
        done = reload(Folders(arguments.folder).isolation, now=time.time())
    except (IsolationFailed, OSError) as error:
        sys.exit(f"soc-agent-isolation: {error}")
    sys.stdout.write(f"soc-agent-isolation: {done}\n")

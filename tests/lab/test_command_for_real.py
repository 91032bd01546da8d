"""The command that the portal shows for a machine works on a host as it was copied: its name, its port, its token."""

import pytest

from soc_portal.lab.enrolling import tokens_of
from soc_portal.up.environment import running_instance
from tests.lab.estate import Estate

pytestmark = pytest.mark.slow


def test_the_command_for_a_machine_reaches_the_portal_from_a_host(lab: Estate) -> None:
    _folder, instance = running_instance(lab.portal.data)
    command = f"soc-agent enroll --url {instance.agents_url} --token {tokens_of(lab.portal.data)('copied')}"
    done = lab.on("lab-2", "sh", "-c", command)
    # The portal itself answers so, over the line that it vouches for: the host keeps the key with which it joined.
    assert "This machine has joined already" in done.stderr, (done.stdout, done.stderr)
    shown = lab.on("lab-2", "soc-agentctl", "status")
    assert shown.returncode == 0, shown.stderr

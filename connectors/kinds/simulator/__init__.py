"""A company that exists in the database only. Everything it does is marked SIMULATED."""

from connectors.kinds.simulator.connector import SimulatorConnector
from connectors.kinds.simulator.world import adopt
from connectors.registry import Kind, Setting

KIND = Kind(
    key="simulator",
    label="Simulated company",
    description="Devices, accounts and mailboxes that keep their state here; nothing happens to a real system.",
    simulated=True,
    open=SimulatorConnector,
    settings=(
        Setting("start_after_s", "Seconds until an order starts", default="0.3", between=(0, 3_600)),
        Setting("finish_after_s", "Seconds until an order has ended", default="1.0", between=(0, 3_600)),
    ),
    adopt=adopt,
)

__all__ = ["KIND"]

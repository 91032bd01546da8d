"""Attacks on machines of the past quarter, and one agreed test."""

from datetime import datetime
from random import Random

from exercises.company import COMPANY, Account, Machine
from exercises.history.scene import Scene, some_attacker, some_workplace
from exercises.history.story import Deed, Report, Step, Story
from exercises.sources.sighting import Address, Program, Wire


def malware(rng: Random, start: datetime, key: str) -> Story:
    machine, scene = some_workplace(rng), Scene(start, key)
    person = COMPANY.account(machine.users[0])
    name = rng.choice(("scan_0042.exe", "tracking-label.exe", "codec_pack.exe", "viewer-setup.exe"))
    program = Program(name, rf"C:\Users\{person.name}\Downloads", label=key)
    _signs_of_malware(scene, machine, person, program)
    return Story(
        "malware",
        "medium",
        "truePositive",
        "malware",
        tuple(scene.found),
        ("Came with a free viewer. No connection to the outside seen.",),
        "Removed and scanned clean; the installer was downloaded by hand.",
        (
            Step(
                Deed.ISOLATE,
                machine.name,
                "Unknown program is running; keep it from the network while we look.",
                undo="Scan is clean, the file is gone.",
            ),
            Step(Deed.QUARANTINE, machine.name, "The installer itself.", sha256=program.sha256),
            Step(Deed.SCAN, machine.name, "Look for what else it left."),
        ),
        _malware_report(machine, name) if rng.random() < 0.75 else None,
    )


def _signs_of_malware(scene: Scene, machine: Machine, person: Account, program: Program) -> None:
    """The scanner finds it, the sensor sees where it was started."""
    scene.see(
        Wire.GRAPH,
        0,
        "Malware was running",
        "medium",
        "Malware",
        "malware-running",
        machine=machine,
        account=person,
        program=program,
        command=program.path,
        product="antivirus",
        techniques=("T1204.002",),
        extra={"threat": "Saltcrust"},
    )
    scene.see(
        Wire.WAZUH,
        3,
        "Program started from a download folder",
        "medium",
        "Execution",
        "92205/9",
        machine=machine,
        account=person,
        program=program,
        command=program.path,
        techniques=("T1204.002",),
    )


def _malware_report(machine: Machine, name: str) -> Report:
    return Report(
        f"Somebody at {machine.name} downloaded {name} and ran it. The device was isolated, the file quarantined on "
        "every device that saw it, and the device released after a clean scan.",
        "Programs from download folders should not start at all.",
        ("Isolated before it spoke to anybody outside.",),
        ("The installer came through the web filter.",),
        ("Refuse programs from download folders",),
    )


def web_shell(rng: Random, start: datetime, key: str) -> Story:
    machine, thief, scene = COMPANY.machine("WEB-SRV-01"), some_attacker(rng), Scene(start, key)
    shell = Program("track.php", "/var/www/booking/uploads", label=key, size=4_096)
    _signs_of_a_web_shell(scene, machine, thief, shell)
    return Story(
        "web-shell",
        "high",
        "truePositive",
        "multiStagedAttack",
        tuple(scene.found),
        ("Upload form of the booking page took any file type.", "Two commands, both only looking around."),
        "Script removed, form mended, server rebuilt from its image.",
        (
            Step(
                Deed.ISOLATE,
                machine.name,
                "A stranger runs commands on the web server.",
                undo="Rebuilt and mended; booking goes on.",
            ),
        ),
        Report(
            "A weakness of the upload form let a stranger place a script on the web server and run two commands. The "
            "server was isolated, rebuilt and released.",
            "The upload form should have been part of the last test.",
            ("File watch and network sensor agreed within two minutes.",),
            ("The booking page was away for four hours.",),
            ("Test every form that takes files", "Keep a second booking server ready"),
        ),
    )


def _signs_of_a_web_shell(scene: Scene, machine: Machine, thief: Address, shell: Program) -> None:
    """Upload, new file, first commands: three sources within eleven minutes."""
    scene.see(
        Wire.WAZUH,
        0,
        "Suricata: Alert - WEB_SERVER upload of a script",
        "medium",
        "InitialAccess",
        "86601/10",
        machine=machine,
        address=thief,
        techniques=("T1190",),
        extra={"decoder": "json", "groups": "ids,suricata,web", "location": "/var/log/suricata/eve.json"},
    )
    scene.see(
        Wire.WAZUH,
        2,
        "File added to the web root",
        "medium",
        "Persistence",
        "554/10",
        machine=machine,
        program=shell,
        techniques=("T1505.003",),
        extra={"decoder": "syscheck", "groups": "ossec,syscheck", "change": "added", "location": "syscheck"},
    )
    scene.see(
        Wire.GRAPH,
        11,
        "Command run by the web server",
        "high",
        "Execution",
        "web-shell",
        machine=machine,
        program=shell,
        command="sh -c id; uname -a; cat /etc/passwd",
        techniques=("T1059.004",),
        extra={"parent": "apache2"},
    )


def foothold(rng: Random, start: datetime, key: str) -> Story:
    machine, thief, scene = some_workplace(rng), some_attacker(rng), Scene(start, key)
    person = COMPANY.account(machine.users[0])
    loader = Program("qm_loader.dll", rf"C:\Users\{person.name}\AppData\Local\Temp", label=key)
    _signs_of_a_foothold(scene, machine, person, thief, loader)
    return Story(
        "foothold",
        "high",
        "truePositive",
        "multiStagedAttack",
        tuple(scene.found),
        (
            "Beacon every 60 s to one address. Nobody else talks to it.",
            "Only listing so far; no second host in the logs.",
        ),
        "Machine rebuilt, password changed, address blocked at the gateway.",
        (
            Step(
                Deed.ISOLATE,
                machine.name,
                "Beacon and directory listing: the step before moving on.",
                undo="Rebuilt from the image.",
            ),
            Step(Deed.QUARANTINE, machine.name, "The loader, before it is used elsewhere.", sha256=loader.sha256),
            Step(Deed.DISABLE, person.name, "Its password was in reach of the attacker.", undo="Password is new."),
        ),
        Report(
            f"An attachment started a loader on {machine.name}. It beaconed and listed the directory before the "
            "machine was isolated. No other host was reached.",
            "Script files in mail have no use in the company.",
            ("Isolation was verified seven minutes after approval.", "Undo was tested: the machine came back at once."),
            ("Scripts in mail were still allowed for three departments.",),
            ("Refuse script files in mail", "Listing of the directory by ordinary users raises an alert of its own"),
        ),
        ("hands on keyboard",),
    )


def _signs_of_a_foothold(scene: Scene, machine: Machine, person: Account, thief: Address, loader: Program) -> None:
    """Loader, beacon, a look around."""
    scene.see(
        Wire.GRAPH,
        0,
        "Script started from a mail attachment",
        "medium",
        "Execution",
        "script-from-mail",
        machine=machine,
        account=person,
        program=loader,
        command=f"rundll32.exe {loader.name},Start",
        techniques=("T1218.011",),
        extra={"parent": "wscript.exe"},
    )
    scene.see(
        Wire.WAZUH,
        4,
        "Suricata: Alert - MALWARE beacon",
        "medium",
        "CommandAndControl",
        "86601/10",
        machine=machine,
        address=thief,
        techniques=("T1071.001",),
        extra={
            "decoder": "json",
            "groups": "ids,suricata",
            "location": "/var/log/suricata/eve.json",
            "direction": "out",
        },
    )
    scene.see(
        Wire.SENTINEL,
        19,
        "Domain accounts listed by an ordinary user",
        "high",
        "Discovery",
        "directory-listing",
        machine=machine,
        account=person,
        techniques=("T1087.002",),
    )


def crane_panel(rng: Random, start: datetime, key: str) -> Story:
    machine, thief, scene = COMPANY.machine("CRANE-HMI-02"), some_attacker(rng), Scene(start, key)
    scene.see(
        Wire.SENTINEL,
        0,
        "Crane panel talks to an address outside",
        "medium",
        "CommandAndControl",
        "ot-outside",
        machine=machine,
        address=thief,
        techniques=("T0869",),
    )
    return Story(
        "crane-panel",
        "medium",
        "truePositive",
        "unwantedSoftware",
        tuple(scene.found),
        ("The panel is not managed, so nothing can be sent to it. The port at the switch was closed by hand.",),
        "Remote help of the vendor, installed without asking. Removed.",
    )


def red_team(rng: Random, start: datetime, key: str) -> Story:
    machine, scene = COMPANY.machine(rng.choice(("LAB-WS-004", "IT-WS-003"))), Scene(start, key)
    person = COMPANY.account(machine.users[0])
    tool = Program("harbourtest.exe", r"C:\Tools", label="agreed test")
    scene.see(
        Wire.GRAPH,
        0,
        "Credential tool was started",
        "high",
        "CredentialAccess",
        "credential-tool",
        machine=machine,
        account=person,
        program=tool,
        command=r"C:\Tools\harbourtest.exe --dump",
        techniques=("T1003.001",),
    )
    scene.see(
        Wire.SENTINEL,
        16,
        "Domain accounts listed by an ordinary user",
        "medium",
        "Discovery",
        "directory-listing",
        machine=machine,
        account=person,
        techniques=("T1087.002",),
    )
    return Story(
        "red-team",
        "high",
        "informationalExpectedActivity",
        "securityTesting",
        tuple(scene.found),
        ("Within the agreed window of the yearly test; the letter is on file.",),
        "The agreed test. Detection worked as wanted.",
        tags=("exercise 2",),
    )

"""What sensors can notice: the same detection serves an attacker's step and the harmless deed that looks like it."""

# ruff: noqa: E501 - tables are read across

from dataclasses import dataclass

from exercises.sources.sighting import Wire


@dataclass(frozen=True)
class Detection:
    """`wires` are the sources that know it; `mistakes` is how often in two weeks of 300 machines something harmless
    sets it off; `decoder` is what the log collector reads it with."""

    key: str
    title: str
    severity: str
    category: str
    wires: tuple[Wire, ...]
    product: str = "endpoint"
    technique: str = ""
    mistakes: int = 0
    decoder: str = ""


WIRES = {"g": Wire.GRAPH, "s": Wire.SENTINEL, "w": Wire.WAZUH}

# key | title | severity | category | wires by their first letters | product | technique | mistakes | decoder
_TABLE = """
phish | Email with a credential phishing link was delivered | medium | InitialAccess | g | office | T1566 | 12
attachment | Email with a malicious attachment was delivered | medium | InitialAccess | g | office | T1566 | 8
click | A user clicked through to a potentially malicious URL | high | InitialAccess | gs | office | T1204 | 6
travel | Impossible travel activity | medium | InitialAccess | gs | entra | T1078 | 30
unfamiliar | Unfamiliar sign-in properties | low | InitialAccess | gs | entra | T1078 | 60
token | Anomalous token used | high | CredentialAccess | g | entra | T1528 | 2
inbox_rule | Suspicious inbox manipulation rule | medium | Persistence | gs | cloud | T1564 | 5
forward | Mail forwarded to an external address | medium | Exfiltration | gs | office | T1114 | 8
mass_mail | User sent an unusual volume of mail | medium | LateralMovement | g | office | T1534 | 4
consent | Unusual consent was given to an application | medium | Persistence | gs | cloud | T1098 | 4
mass_download | Mass download by a single user | medium | Exfiltration | gs | cloud | T1530 | 14
mfa_change | Sign-in method of an account was changed | medium | Persistence | sg | entra | T1556 | 10
powershell | Suspicious PowerShell command line | medium | Execution | gsw | endpoint | T1059 | 90
dropper | An uncommon file was created and run | medium | Execution | g | endpoint | T1204 | 25
macro | Office application started a script host | medium | Execution | gw | endpoint | T1566 | 12
task | A scheduled task was created by a script | low | Persistence | gw | endpoint | T1053 | 80
service | A new service was installed | low | Persistence | wg | endpoint | T1543 | 120
run_key | Registry run key was changed | low | Persistence | gw | endpoint | T1547 | 70
discovery | Reconnaissance commands in a short time | low | Discovery | gsw | endpoint | T1087 | 60
dump | Sensitive credential memory read | high | CredentialAccess | g | endpoint | T1003 | 3
kerberoast | Suspected Kerberos service ticket requests | medium | CredentialAccess | g | identity | T1558 | 4
spray | Many failed sign-ins for many accounts | medium | CredentialAccess | swg | entra | T1110 | 14
guess | Multiple failed sign-ins followed by a success | medium | CredentialAccess | sw | entra | T1110 | 20
lateral | Remote service started from another machine | medium | LateralMovement | gw | endpoint | T1021 | 16
wmi | Process started remotely by management interface | medium | LateralMovement | g | endpoint | T1047 | 12
rdp | Unusual remote desktop connection | low | LateralMovement | gsw | endpoint | T1021 | 50
beacon | Connection to a known command and control address | high | CommandAndControl | gsw | endpoint | T1071 | 4 | json
odd_traffic | Regular connections to a rare address | low | CommandAndControl | sw | endpoint | T1071 | 60 | json
remote_tool | Remote access tool was installed | medium | CommandAndControl | gw | endpoint | T1219 | 24
tamper | Protection was switched off | high | DefenseEvasion | gw | endpoint | T1562 | 5
log_clear | A security log was cleared | medium | DefenseEvasion | wg | endpoint | T1070 | 5
shadow | Restore points were deleted | high | Impact | gw | endpoint | T1490 | 2
encrypt | Mass change of files typical of ransomware | high | Impact | gw | endpoint | T1486 | 4
archive | Files were packed for a possible theft | low | Collection | gs | endpoint | T1560 | 30
upload | Large upload to a rarely used service | medium | Exfiltration | sg | cloud | T1567 | 12
usb_run | Program run from a removable drive | low | InitialAccess | gw | endpoint | T1091 | 40
usb_copy | Many files copied to a removable drive | low | Exfiltration | gs | endpoint | T1052 | 30
web_attack | Exploit attempt against a web application | medium | InitialAccess | w | endpoint | T1190 | 90 | json
web_shell | Possible web shell was written | high | Persistence | gw | endpoint | T1505 | 2
web_child | Web server process started a command shell | high | Execution | gw | endpoint | T1505 | 3
miner | Coin mining program was detected | medium | Impact | gw | antivirus | T1496 | 5
pool | Connection to a mining pool | medium | Impact | ws | endpoint | T1496 | 4 | json
update | Signed updater started an unusual child process | medium | InitialAccess | g | endpoint | T1195 | 5
dns_tunnel | Unusual volume of name queries to one domain | low | CommandAndControl | ws | endpoint | T1071 | 25 | json
new_admin | Account was added to a privileged group | medium | PrivilegeEscalation | wg | identity | T1098 | 6
malware | Malware was detected and blocked | low | Malware | gw | antivirus | T1204 | 90
"""


def _read(line: str) -> Detection:
    key, title, severity, category, wires, product, technique, mistakes, *decoder = (
        word.strip() for word in line.split("|")
    )
    return Detection(
        key, title, severity, category, tuple(WIRES[letter] for letter in wires), product, technique, int(mistakes),
        *decoder,
    )  # fmt: skip


DETECTIONS: dict[str, Detection] = {row.key: row for row in (_read(line) for line in _TABLE.strip().splitlines())}

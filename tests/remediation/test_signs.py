"""What a sweep is offered to look for, out of the evidence of an incident."""

import pytest

from accounts.models import User
from remediation.services.gather_signs import signs_of
from tests.factories.remediation import FileFactory
from tests.remediation.test_sweep import incident, suspect

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("path", "name", "wanted"),
    [
        (r"C:\Users\Public", "drop.exe", r"C:\Users\Public\drop.exe"), ("/var/tmp", "drop", "/var/tmp/drop"),
        (r"C:\Users\Public\DROP.EXE", "drop.exe", r"C:\Users\Public\DROP.EXE"),
        ("/var/tmp/drop", "drop", "/var/tmp/drop"),
    ],
)  # fmt: skip
def test_a_place_is_looked_for_with_the_name_of_the_file(ada: User, path: str, name: str, wanted: str) -> None:
    case = incident()
    file = FileFactory.create(path=path, display_name=name)
    suspect(case, "malicious", type="file", display=name, key=file.key, file=file)
    assert wanted in {one.value for one in signs_of(case, ada) if one.kind == "path"}


@pytest.mark.parametrize("path", [r"C:\Windows\System32", r"C:\Windows\System32\powershell.exe"])
def test_a_folder_of_the_system_is_not_looked_for(ada: User, path: str) -> None:
    case = incident()
    file = FileFactory.create(path=path, display_name="powershell.exe")
    suspect(case, "suspicious", type="file", display="powershell.exe", key=file.key, file=file)
    found = {one.value: one.suggested for one in signs_of(case, ada) if one.value.startswith("C:")}
    assert found == {r"C:\Windows\System32\powershell.exe": False}


@pytest.mark.parametrize("verdict", ["suspicious", "malicious"])
@pytest.mark.parametrize(
    ("path", "chosen"), [("/opt/versions/3.12.1/bin/python3.12", False), ("/var/tmp/.x/python3.12", True)]
)
def test_the_interpreter_of_a_bad_process_is_offered_and_not_chosen(
    ada: User, path: str, chosen: bool, verdict: str
) -> None:
    case = incident()
    told = {"path": path, "commandLine": f"{path} -P /var/tmp/.x/encrypt"}
    suspect(case, verdict, type="process", display=told["commandLine"], key="command:1", data=told)
    file = FileFactory.create(path=path, display_name="python3.12")
    suspect(case, verdict, type="process", display=told["commandLine"], key="command:2", file=file)
    assert {one.suggested for one in signs_of(case, ada) if one.value in (path, file.sha256)} == {chosen}

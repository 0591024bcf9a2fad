"""An MLflow registry brought to what Git says: versions once, by their digest, and aliases."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlops_ci.errors import ConfigError, MlopsError, ToolError
from mlops_ci.promotion import registry
from mlops_ci.promotion.registry import ALIASES, DIGEST, Changes, Found, Held, Version, Wanted

_PAGE = 200
# MLflow reads them when it is imported. Nothing about the user leaves the machine; a server that is down is
# told within a minute and not within ten.
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


class Registry:
    """A registry by MLflow's tracking URI; a relative SQLite file is relative to ``top``."""

    def __init__(self, uri: str, top: Path) -> None:
        self._address = _absolute(uri, top)
        self._shown = re.sub(r"(//)[^/@\s]+@", r"\1***@", uri)
        with self._trouble("opening it"):
            self._client = _client(self._address)

    def sync(
        self, wanted: Iterable[Wanted], name: Callable[[str], str], *, dry_run: bool = False
    ) -> tuple[tuple[str, Changes], ...]:
        """Bring every model to what is wanted; gives the registered model's name with what had to change.

        Run again it changes nothing; what a person added stays.

        Raises:
            ToolError: the registry cannot be reached, or refuses.
        """
        done = []
        for one in wanted:
            called = name(one.model)
            changes = registry.changes(one, self.found(called))
            if not dry_run and not changes.is_empty:
                self._apply(called, changes)
            done.append((called, changes))
        return tuple(done)

    def found(self, name: str) -> Found | None:
        """What the registry says of a registered model, None where it has none of that name.

        Raises:
            ToolError: the registry cannot be reached.
        """
        from mlflow.exceptions import MlflowException

        with self._trouble(f"reading {name}"):
            try:
                model = self._client.get_registered_model(name)
            except MlflowException as error:
                if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return None
                raise
        aliases = {alias: int(version) for alias, version in model.aliases.items()}
        ours = frozenset(filter(None, (model.tags or {}).get(ALIASES, "").split(",")))
        return Found(self._versions(name), aliases, ours)

    def _versions(self, name: str) -> tuple[Held, ...]:
        found: list[Any] = []
        token: str | None = None
        # MLflow's language has no way to write a quotation mark inside of its own kind.
        quote = '"' if "'" in name else "'"
        with self._trouble(f"reading the versions of {name}"):
            while True:
                page = self._client.search_model_versions(
                    f"name={quote}{name}{quote}", max_results=_PAGE, page_token=token
                )
                found += page
                token = page.token
                if not token:
                    break
        return tuple(Held(int(one.version), one.tags.get(DIGEST, ""), dict(one.tags)) for one in found)

    # ---- changing it -------------------------------------------------------------------------

    def _apply(self, name: str, changes: Changes) -> None:
        with self._trouble(f"changing {name}"):
            if changes.create:
                self._client.create_registered_model(name)
            for version in changes.register:
                self._register(name, version)
            for number, key, value in changes.tags:
                self._client.set_model_version_tag(name, str(number), key, value)
        self._point(name, changes)

    def _register(self, name: str, version: Version) -> None:
        """Make a version; the oldest stays where another run made it at the same time."""
        made = self._client.create_model_version(
            name, version.source, tags=dict(version.tags), await_creation_for=0
        )
        same = [one for one in self._versions(name) if one.digest == version.digest]
        if min((one.number for one in same), default=int(made.version)) != int(made.version):
            self._client.delete_model_version(name, str(made.version))

    def _point(self, name: str, changes: Changes) -> None:
        numbers = Found(self._versions(name)) if changes.aliases else Found()
        with self._trouble(f"changing the aliases of {name}"):
            # Said first: should this end half way, the next run knows which aliases are ours.
            if changes.ours is not None:
                self._client.set_registered_model_tag(name, ALIASES, ",".join(sorted(changes.ours)))
            for alias, digest in changes.aliases:
                self._client.set_registered_model_alias(name, alias, str(numbers.number(digest)))
            for alias in changes.drop:
                self._client.delete_registered_model_alias(name, alias)

    @contextmanager
    def _trouble(self, doing: str) -> Iterator[None]:
        """Whatever MLflow and its libraries raise as one line."""
        try:
            yield
        except MlopsError:
            raise
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"the registry {self._shown} needs {error.name}", "pip install 'mlops-ci[registry]'"
            ) from error
        except Exception as error:
            said = " ".join(str(error).replace(self._address, self._shown).split())[:300]
            raise ToolError(
                f"the MLflow registry {self._shown}, {doing}: {said or type(error).__name__}",
                "check promotion.registry.uri, and MLFLOW_TRACKING_TOKEN or the user and password",
            ) from error


def _client(uri: str) -> Any:
    for variable, value in _QUIET.items():
        os.environ.setdefault(variable, value)
    from mlflow.tracking import MlflowClient

    for logger in ("mlflow", "alembic", "urllib3"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _absolute(uri: str, top: Path) -> str:
    if not uri.startswith("sqlite:///") or uri.startswith("sqlite:////"):
        return uri
    return f"sqlite:///{top / uri.removeprefix('sqlite:///')}"

"""What yarn and pnpm say when an install fails has the same names as what npm says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code
from tests.server.build_world import BuildWorld
from tests.server.fake_registry import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

MANAGERS = ["yarn@1.22.22", "yarn@4.5.0", "pnpm@9.15.9"]

LOCKS = {
    "yarn@1.22.22": ("yarn.lock", "# yarn lockfile v1\n\n\n"),
    "yarn@4.5.0": ("yarn.lock", "__metadata:\n  version: 8\n  cacheKey: 10c0\n"),
    "pnpm@9.15.9": ("pnpm-lock.yaml", "lockfileVersion: '9.0'\n\nimporters:\n\n  .: {}\n"),
}
"""Lockfiles of a project without dependencies."""


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An engines folder that these builds share, so that each manager is fetched once."""
    return tmp_path_factory.mktemp("engines")


@pytest.fixture
def world(tmp_path: Path, engines: Path) -> BuildWorld:
    """A builder of the test's own."""
    return BuildWorld(tmp_path, {"engines": engines})


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """A registry with one version of one package, and one that is not what it says."""
    fake = FakeRegistry()
    fake.add("thing", "1.0.0")
    fake.add("forged", "1.0.0", integrity="sha512-" + "A" * 86 + "==")
    with fake:
        yield fake


def failure(
    world: BuildWorld, manager: str, url: str, wanted: dict[str, str], files: dict[str, str] | None = None
) -> tuple[str, str]:
    """Name and message of what an install of these dependencies ends with."""
    package: dict[str, Any] = {"packageManager": manager, "dependencies": wanted}
    settings = {
        ".npmrc": f"registry={url}/\nfetch-retries=0\n",
        ".yarnrc": f'registry "{url}/"\n',
        ".yarnrc.yml": f"nodeLinker: node-modules\nnpmRegistryServer: '{url}'\nhttpRetry: 0\n"
        "unsafeHttpWhitelist: ['127.0.0.1']\n",
    }
    if "@1." in manager:
        del settings[".yarnrc.yml"]
    with pytest.raises(PlatformError) as caught:
        world.build(world.job(package, {"server.js": "1", **settings, **(files or {})}))
    error = caught.value
    assert error.code is Code.INSTALL_FAILED
    assert error.details["hint"]
    assert error.details["output"]
    assert not world.leftovers()
    return error.details["failure"], error.message


@pytest.mark.parametrize("manager", MANAGERS)
def test_a_lockfile_out_of_step(world: BuildWorld, registry: FakeRegistry, manager: str) -> None:
    """package.json was changed by hand."""
    name, text = LOCKS[manager]
    found, _ = failure(world, manager, registry.url, {"thing": "1.0.0"}, {name: text})
    assert found == "lockfile_out_of_step"


@pytest.mark.parametrize("manager", MANAGERS)
def test_a_missing_package(world: BuildWorld, registry: FakeRegistry, manager: str) -> None:
    """The registry has never heard of it."""
    found, message = failure(world, manager, registry.url, {"no-such-thing": "1.0.0"})
    assert found == "package_missing"
    assert "no-such-thing" in message


@pytest.mark.parametrize("manager", MANAGERS)
def test_a_missing_version(world: BuildWorld, registry: FakeRegistry, manager: str) -> None:
    """The package is there, this version is not."""
    found, message = failure(world, manager, registry.url, {"thing": "^2.0.0"})
    assert found == "version_missing"
    assert "thing" in message


@pytest.mark.parametrize("manager", MANAGERS)
def test_a_registry_that_wants_to_know_who_asks(world: BuildWorld, manager: str) -> None:
    """401."""
    with FakeRegistry(token="t") as private:
        assert failure(world, manager, private.url, {"thing": "1.0.0"})[0] == "no_credentials"


@pytest.mark.parametrize("manager", MANAGERS)
def test_no_network(world: BuildWorld, manager: str) -> None:
    """Nobody answers."""
    assert failure(world, manager, "http://127.0.0.1:1", {"thing": "1.0.0"})[0] == "network_down"


@pytest.mark.parametrize("manager", ["yarn@1.22.22", "pnpm@9.15.9"])
def test_a_forged_package(world: BuildWorld, registry: FakeRegistry, manager: str) -> None:
    """What comes is not what the registry promised; Yarn 4 checks only what its lockfile promised."""
    assert failure(world, manager, registry.url, {"forged": "1.0.0"})[0] == "integrity"

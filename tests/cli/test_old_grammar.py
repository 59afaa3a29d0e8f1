"""What people typed for jitsu 0.15 is understood: its words in its order, each doing what it did then."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.platforms import hello

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.people import Person
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(owner: Person) -> Path:
    """A project in the folder where the person stands."""
    for name, text in hello("heirloom").items():
        (owner.folder / name).write_text(str(text))
    return owner.folder


def test_deploy_with_provider_and_datacenter(owner: Person, folder: Path) -> None:
    """`jitsu deploy PROVIDER DATACENTER` deploys the folder one stands in; one that is not is refused."""
    place = owner.jitsu("cloud", "list", "--json").json()[0]
    where = (place["provider"], place["datacenter"])
    planned = owner.jitsu("deploy", *where, "-r", "minor", "--dry-run", "--json").json()
    assert (planned["app"].rpartition("/")[2], planned["snapshot"]) == ("heirloom", "0.2.0")
    assert json.loads((folder / "package.json").read_text())["version"] == "0.1.0"
    elsewhere = owner.jitsu("deploy", "joyent", "us-sw-1", "--json")
    assert (elsewhere.code, "cloud list" in elsewhere.error()["hint"]) == (2, True)
    assert owner.jitsu("view", "heirloom").code == 4, "nothing was made of it"


def test_cloud_with_a_number_of_drones(owner: Person, shared_platform: LocalPlatform) -> None:
    """`jitsu cloud NAME PROVIDER DATACENTER DRONES` scales; the flag and the word may not disagree."""
    assert shared_platform.call("POST", f"/apps/{shared_platform.user}", {"name": "antique"}).ok
    place = owner.jitsu("cloud", "list", "--json").json()[0]
    words = ("cloud", "antique", place["provider"], place["datacenter"])
    assert owner.jitsu(*words, "2", "--json").json()[0]["drones"] == 2
    assert owner.jitsu(*words, "3", "--drones", "2").code == 2
    assert owner.jitsu(*words, "0").code == 2
    assert owner.jitsu("cloud", "antique", "--json").json()[0]["drones"] == 2


def test_a_tokens_owner_before_its_name(owner: Person, shared_platform: LocalPlatform) -> None:
    """`jitsu tokens create USER NAME`, `list USER`, `destroy USER NAME`; another's name is refused."""
    user = shared_platform.user
    assert owner.jitsu("tokens", "create", user, "old-way", "--json").json()["name"] == "old-way"
    assert "old-way" in {row["name"] for row in owner.jitsu("tokens", "list", user, "--json").json()}
    assert owner.jitsu("tokens", "destroy", "somebody", "old-way", "--yes").code == 2
    assert owner.jitsu("tokens", "destroy", user, "old-way", "--yes").code == 0

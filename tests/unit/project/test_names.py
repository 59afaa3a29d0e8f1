"""Package names and subdomains."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jitsu_py.project import names


@given(st.text(max_size=100))
@example("x" * 500)
@example("@/")
@example("node_modules")
@example("-._")
def test_any_text_has_a_name_and_a_label(text: str) -> None:
    """Whatever a folder is called, npm takes the name made of it and DNS the subdomain."""
    assert names.npm_objection(names.package_name(text)) == ""
    assert names.is_label(names.label(text))


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("app", "app"),
        ("@acme/My_app", "acme-my-app"),
        ("JSONStream", "jsonstream"),
        ("a.b", "a-b"),
        ("-x-", "x"),
        ("日本", "app"),
        ("é" * 3, "eee"),
        ("a" * 80, "a" * 63),
        ("a" * 62 + ".b", "a" * 62),
    ],
)
def test_the_subdomain_follows_from_the_name(name: str, label: str) -> None:
    """Scope and name are joined, odd characters become hyphens, the rest is cut."""
    assert names.label(name) == label


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("a", True),
        ("a-b", True),
        ("a_b", True),
        ("-a", False),
        ("a.b", False),
        ("A", False),
        ("", False),
        ("a" * 64, False),
    ],
)
def test_what_is_a_subdomain(text: str, good: bool) -> None:
    """A label of a host name, an underscore inside tolerated."""
    assert names.is_label(text) is good

"""Settings: flag > environment > project > user file > default. Every value knows where it came from.

The user file is `config.toml` in the user's configuration folder (or `$JITSU_CONFIG`). The project's part is
a `.jitsuconf`, the JSON file of jitsu 0.x, and is read only when asked for (`--localconf`, `--jitsuconf`): a
folder somebody cloned must not choose the server that gets its user's token.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from jitsu_py import oldconf, tomlfile
from jitsu_py.errors import UsageError
from jitsu_py.settings.keys import KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.oldconf import OldConf

T = TypeVar("T")


@dataclass(frozen=True)
class Setting(Generic[T]):
    """A value and where it came from."""

    value: T
    source: str
    """For people: "flag --host", "environment JITSU_HOST", a file's path, "default"."""


@dataclass(frozen=True)
class Settings:
    """All settings of one run, resolved once."""

    host: Setting[str | None]
    """Base URL of the platform's API, no slash at its end; None: the embedded one."""
    username: Setting[str | None]
    """Whose account; None: who logged in last on that host."""
    timeout: Setting[float]
    """How long an answer may take, seconds."""
    color: Setting[str]
    """auto, always or never."""
    cacert: Setting[str | None]
    """File with the certificates that sign the host's; None: the system's."""
    profile: Setting[str | None]
    """Table `[profiles.NAME]` of the user file whose values come before its others."""
    file: Path
    """The user file, there or not."""
    old: OldConf | None
    """The `.jitsuconf` of jitsu 0.x that counts, for the token or password in it."""


def config_file(environ: Mapping[str, str]) -> Path:
    """The user file: `$JITSU_CONFIG`, else `config.toml` in the user's configuration folder."""
    if given := environ.get("JITSU_CONFIG"):
        return Path(given).expanduser()
    import platformdirs

    return Path(platformdirs.user_config_dir("jitsu")) / "config.toml"


def resolve(flags: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> Settings:
    """Settle every setting.

    Args:
        flags: the global flags that were given, by name: the keys of `KEYS`, `jitsuconf`, `localconf`.
        environ: the environment's variables.
        cwd: where `--localconf` starts to look.

    Raises:
        UsageError: a value or a file cannot be used; names it, its place and what is wanted.
    """
    file = config_file(environ)
    data = tomlfile.read(file)
    check(file, data)
    named = {key: value for key, value in flags.items() if key in KEYS and value is not None}
    layers = [Layer("flag --{key}", named), _environment_layer(environ)]
    old = _old_conf(flags, environ, cwd)
    layers += [_old_layer(old)] if old and old.asked_for else []
    profile = _settle("profile", [*layers, Layer(str(file), data)])
    layers += [*_profile_layers(profile, file, data), Layer(str(file), data)]
    layers += [_old_layer(old)] if old and not old.asked_for else []
    values = {key: profile if key == "profile" else _settle(key, layers) for key in KEYS}
    return Settings(**values, file=file, old=old)


@dataclass(frozen=True)
class Layer:
    """Values from one place."""

    source: str
    """May hold `{key}` and `{variable}`."""
    values: Mapping[str, Any]

    def get(self, key: str) -> Setting[Any] | None:
        """The value of `key` if this place has one; raises UsageError when it cannot be used."""
        if self.values.get(key) is None:
            return None
        source = self.source.replace("{key}", key).replace("{variable}", KEYS[key].environment)
        try:
            return Setting(KEYS[key].parse(self.values[key]), source)
        except ValueError as error:
            raise UsageError(f"{key} from {source} is {self.values[key]!r}; it should be {error}") from error


def check(file: Path, data: Mapping[str, Any]) -> None:
    """Refuse a user file with unknown keys or values that cannot be used, naming all of them at once."""
    faults = _faults(data, "", file)
    profiles = data.get("profiles", {})
    if not isinstance(profiles, dict) or any(not isinstance(table, dict) for table in profiles.values()):
        faults.append("profiles: should be tables such as [profiles.work]")
    else:
        for name, table in profiles.items():
            faults += _faults(table, f"profiles.{name}.", file)
    if faults:
        raise UsageError(f"{file} cannot be used:\n" + "\n".join(f"  {fault}" for fault in faults))


def unknown_key(key: str) -> UsageError:
    """The error for a key that is no setting, with the nearest one that is."""
    import difflib

    near = difflib.get_close_matches(key, KEYS, 1)
    hint = f"did you mean {near[0]}?" if near else f"settings are {', '.join(KEYS)}"
    return UsageError(f"{key} is no setting", hint=hint)


def save(file: Path, profile: str | None, key: str, value: Any) -> Any:
    """Write one value into the user file, or take it out when `value` is None; comments stay.

    Returns:
        The value as it is kept.

    Raises:
        UsageError: no such key, a value that cannot be used, or a file that cannot be written.
    """
    if key not in KEYS:
        raise unknown_key(key)
    value = None if value is None else _parsed(key, value)
    with tomlfile.edit(file) as document:
        table: Any = document
        if profile and key != "profile":
            table = _table(_table(document, "profiles", file), profile, file)
        if value is None:
            table.pop(key, None)
        else:
            table[key] = int(value) if isinstance(value, float) and value.is_integer() else value
    return value


def _table(parent: Any, name: str, file: Path) -> Any:
    """The table `name` of `parent`, made when it is not there."""
    table = parent.setdefault(name, {})
    if not isinstance(table, dict):
        raise UsageError(f"{file} cannot be changed: {name} should be a table such as [profiles.work]")
    return table


def _parsed(key: str, value: Any) -> Any:
    try:
        return KEYS[key].parse(value)
    except ValueError as error:
        raise UsageError(f"{key} cannot be {value!r}; it should be {error}") from error


def _faults(table: Mapping[str, Any], prefix: str, file: Path) -> list[str]:
    found = []
    for key, value in table.items():
        if key == "profiles" and not prefix:
            continue
        where = f"line {_line(file, key)}, {prefix}{key}"
        if key not in KEYS or (prefix and key == "profile"):
            found.append(f"{where}: {unknown_key(key).hint}")
            continue
        try:
            KEYS[key].parse(value)
        except ValueError as error:
            found.append(f"{where}: is {value!r}; it should be {error}")
    return found


def _line(file: Path, key: str) -> int:
    """Where `key` stands first, counted from 1; only asked for when something is wrong with it."""
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if line.split("=")[0].strip().strip("\"'") == key:
            return number
    return 1


def _environment_layer(environ: Mapping[str, str]) -> Layer:
    given = {key: environ.get(spec.environment) or None for key, spec in KEYS.items() if spec.environment}
    return Layer("environment {variable}", given)


def _settle(key: str, layers: list[Layer]) -> Setting[Any]:
    for layer in layers:
        if found := layer.get(key):
            return found
    return Setting(KEYS[key].default, "default")


def _profile_layers(profile: Setting[Any], file: Path, data: Mapping[str, Any]) -> list[Layer]:
    if profile.value is None:
        return []
    profiles = data.get("profiles", {})
    if profile.value not in profiles:
        known = ", ".join(profiles) or "there are none yet"
        raise UsageError(
            f"there is no profile {profile.value!r} in {file} (from {profile.source})",
            hint=f"known: {known}; `jitsu config set --profile {profile.value} host URL` makes it",
        )
    return [Layer(f"{file} [profiles.{profile.value}]", profiles[profile.value])]


def _old_conf(flags: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> OldConf | None:
    home = Path(environ.get("HOME") or Path.home())
    path, asked_for = oldconf.find(flags.get("jitsuconf"), bool(flags.get("localconf")), home, cwd)
    if path is None:
        return None
    old = oldconf.read(path)
    layer = _old_layer(old)
    host, username = layer.get("host"), layer.get("username")
    return replace(
        old,
        host=host.value if host else "",
        username=username.value if username else "",
        asked_for=asked_for,
    )


def _old_layer(old: OldConf) -> Layer:
    values = {"host": old.host or None, "username": old.username or None, "timeout": old.timeout}
    return Layer(str(old.path), values)

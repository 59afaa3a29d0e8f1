"""What stands in no command: the environment, the files, and how settings come together."""

from __future__ import annotations

ENVIRONMENT = {
    "JITSU_HOST": "The platform to talk to, like `--host`. Without one it is the platform on this machine.",
    "JITSU_USERNAME": "Whose account is used.",
    "JITSU_TOKEN": "A token, used instead of what `jitsu login` kept. No flag takes a secret: command lines "
    "are seen by everybody on the machine.",
    "JITSU_PROFILE": "The profile of the settings to use, like `--profile`.",
    "JITSU_CONFIG": "The file of settings, instead of `config.toml` in the folder for configuration.",
    "JITSU_HOME": "The state folder of the platform on this machine. Two of them run side by side.",
    "JITSU_NO_INPUT": "If not empty, never ask, like `--no-input`.",
    "JITSU_NO_UPDATE_NOTICE": "If not empty, never look for a newer version, nor tell of one.",
    "JITSU_UPDATE_INDEX": "The address that tells the newest version, as JSON, instead of the package index.",
    "CI": "If not empty, never ask and draw nothing that moves.",
    "NO_COLOR": "If not empty, no colours, unless `--color always` is given.",
    "FORCE_COLOR": "If neither empty nor 0, colours also where no terminal is.",
    "COLUMNS": "How wide tables may be, instead of the terminal's width.",
    "HTTPS_PROXY, HTTP_PROXY, NO_PROXY": "Proxies on the way to the platform.",
    "XDG_CONFIG_HOME, XDG_DATA_HOME, XDG_CACHE_HOME": "Where the folders below are.",
}
"""Variables and what they do; the sentences may hold `code`."""

FILES = {
    "~/.config/jitsu/config.toml": "Settings: see `jitsu-config(5)`. On macOS below "
    "`~/Library/Application Support/jitsu`.",
    "~/.config/jitsu/credentials.toml": "Who logged in where; tokens too, where no keyring answers. "
    "Only its owner may read it.",
    "~/.local/share/jitsu": "The state folder of the platform on this machine; `JITSU_HOME` moves it.",
    "~/.cache/jitsu/completion": "Names that completion was told within the last minute. May be deleted.",
    "~/.jitsuconf": "Settings of jitsu 0.x: host, user name and token are still read.",
    "package.json": "Names the app, its version, its start script. Changed only when asked to.",
}
"""Files and what they hold; the sentences may hold `code`."""

EXIT_CODES_INTRO = """\
`jitsu` ends with one of the numbers below, and with no other; they do not change their meaning. 0 means
that what was asked for is done: after `jitsu deploy` the new version answers.

With `--json` an error is one JSON object on stderr, whose keys are `error`, `message`, `hint`,
`exit_code` and `request_id`; where an app or its build printed something, its last lines are in `output`."""

JSON = """\
With `--json` a command writes its answer to stdout as JSON, alone, and an error to stderr as one JSON object:
the kind error below. Both are an interface for programs. Commands that list write a list, also an empty one;
`jitsu logs tail` writes an object a line, as the lines come: the kind line."""

JSON_EXAMPLE = "jitsu list --json | jq -r '.[] | select(.state == \"stopped\") | .name'"

CONFIG = """\
The settings of `jitsu` are in a TOML file that `jitsu config set` writes and that may be edited by hand:
comments stay. Its name is `config.toml`, in the user's folder for configuration; `JITSU_CONFIG` names
another.

Each value comes from the first place that has it: a flag, the environment, a `.jitsuconf` that was asked
for, the profile in use, this file, a `.jitsuconf` in the home folder, the default. `jitsu config list`
shows each value with its source."""

PROFILES = """\
A table `[profiles.NAME]` holds settings that come before the file's others while that profile is in use:
`--profile NAME`, `JITSU_PROFILE`, or `profile` in the file itself. All settings but `profile` may stand
there. `jitsu config set --profile NAME KEY VALUE` writes them."""

PROFILES_EXAMPLE = """\
timeout = 120

[profiles.work]
host = "https://jitsu.example.com"
username = "ada"
"""

OLD_FILE = """\
`host`, `username` and `token` of the JSON file `.jitsuconf` of jitsu 0.x are read from the home folder.
One in the current folder or above it is read with `--localconf` only, and any other with `--jitsuconf
FILE`: a folder that somebody cloned must not choose the server that is sent a token."""

CREDENTIALS = """\
No secret is in this file. A token is taken from `JITSU_TOKEN`; on this machine's platform from its state
folder; from the system's keyring, under the service `jitsu`; where no keyring answers from
`credentials.toml` beside this file, which only its owner may read; or from a `.jitsuconf`. At last it is
asked for, on a terminal only."""

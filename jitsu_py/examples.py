"""An example or two of every command: its help ends with them, and its manual page has them.

A test runs each through the parser, so none can be wrong.
"""

from __future__ import annotations

from typing import NamedTuple


class Example(NamedTuple):
    """A command line to learn from."""

    line: str
    """As typed; behind a pipe or in front of one other programs may stand."""
    does: str
    """What it is for; ends in a colon."""


EXAMPLES: dict[str, tuple[Example, ...]] = {
    "": (
        Example("jitsu install helloworld && jitsu deploy helloworld", "From nothing to a URL:"),
        Example("jitsu logs helloworld", "See what the app printed:"),
    ),
    "deploy": (
        Example("jitsu deploy", "Put the app of this folder live:"),
        Example(
            "jitsu deploy --release patch --env NODE_ENV=production", "Bump the version, set a variable:"
        ),
        Example("url=$(jitsu deploy --no-input)", "In a script, ask nothing and take the URL:"),
    ),
    "install": (Example("jitsu install helloworld shop", "Begin an app named shop in a new folder:"),),
    "create": (
        Example("jitsu create shop --subdomain shop", "Claim a name before there is anything to run:"),
    ),
    "list": (
        Example("jitsu list", "List the apps:"),
        Example("jitsu list --json | jq -r '.[].url'", "Print their URLs:"),
    ),
    "view": (Example("jitsu view shop", "See all there is to know about the app shop:"),),
    "start": (Example("jitsu start shop", "Start the app shop:"),),
    "stop": (Example("jitsu stop shop", "Stop the app shop; nothing of it is lost:"),),
    "restart": (Example("jitsu restart shop", "Give the app shop fresh processes, without a gap:"),),
    "scale": (Example("jitsu scale shop 4", "Run four drones of the app shop:"),),
    "open": (Example("jitsu open shop", "Look at the app shop in a browser:"),),
    "rollback": (
        Example("jitsu rollback shop", "Go back to the snapshot before:"),
        Example("jitsu rollback shop 0.1.0 --with-env", "Go back to 0.1.0 and to its variables of then:"),
    ),
    "destroy": (Example("jitsu destroy shop --confirm", "Remove the app shop without being asked:"),),
    "logs": (Example("jitsu logs shop 40", "Print the newest 40 lines of the app shop:"),),
    "logs all": (
        Example("jitsu logs all 40", "Print the newest 40 lines of all apps:"),
        Example("jitsu logs all -f --json | jq -r .text", "Follow all apps, an object a line:"),
    ),
    "logs app": (Example("jitsu logs app shop 40", "Print the newest 40 lines of the app shop:"),),
    "logs tail": (Example("jitsu logs tail shop", "Follow what the app shop prints:"),),
    "logs drains": (
        Example("jitsu logs drains add syslog+tls://logs.example.com:6514 shop", "Ship the app's lines:"),
        Example("jitsu logs drains list", "See where lines go, and whether they arrive:"),
    ),
    "logs drains add": (
        Example("jitsu logs drains add syslog+tls://logs.example.com:6514 shop", "Ship the app's lines:"),
        Example(
            "jitsu logs drains add https://logs.example.com/in --all --redact", "Ship those of all apps:"
        ),
    ),
    "logs drains list": (Example("jitsu logs drains list", "See where lines go, and whether they arrive:"),),
    "logs drains remove": (Example("jitsu logs drains remove d-0a1b2c3d", "Ship nothing more there:"),),
    "apps": (Example("jitsu apps list", "List the apps:"),),
    "apps metrics": (
        Example("jitsu apps metrics shop", "See how many requests the app shop got, and how it answered:"),
    ),
    "apps drones": (Example("jitsu apps drones shop", "See what each process of the app shop uses:"),),
    "apps available": (Example("jitsu apps available shop", "Ask whether a name is free:"),),
    "apps update": (Example("jitsu apps update --dry-run", "See what package.json would change:"),),
    "cloud": (
        Example("jitsu cloud list", "See where apps can run:"),
        Example("jitsu cloud shop --ram 512 --drones 2", "Give the app shop more room:"),
    ),
    "snapshots": (Example("jitsu snapshots list shop", "See the versions of the app shop:"),),
    "snapshots list": (Example("jitsu snapshots list shop", "See the versions of the app shop:"),),
    "snapshots activate": (
        Example("jitsu snapshots activate shop 0.1.0 && jitsu start shop", "Go back to version 0.1.0:"),
    ),
    "snapshots create": (Example("jitsu snapshots create", "Build this folder's app without starting it:"),),
    "snapshots destroy": (Example("jitsu snapshots destroy shop 0.0.9", "Remove an old version:"),),
    "snapshots fetch": (
        Example("jitsu snapshots fetch shop 0.1.0 -o shop.tgz", "Get back what was uploaded as 0.1.0:"),
    ),
    "snapshots log": (Example("jitsu snapshots log shop 0.1.0", "Read how the build of 0.1.0 went:"),),
    "snapshots view": (Example("jitsu snapshots view shop 0.1.0", "See all there is to know about 0.1.0:"),),
    "env": (Example("jitsu env set --app shop NODE_ENV=production --restart", "Set a variable, now:"),),
    "env list": (Example("jitsu env list shop --show", "List the variables with their values:"),),
    "env get": (Example("jitsu env get shop NODE_ENV", "Print the value of a variable:"),),
    "env set": (
        Example("jitsu env set shop NODE_ENV=production LEVEL=info", "Set two variables of the app shop:"),
        Example(
            "jitsu env set shop --from-file .env --restart", "Set those of a file, and let the app see them:"
        ),
    ),
    "env delete": (Example("jitsu env delete shop LEVEL", "Take a variable out:"),),
    "env clear": (Example("jitsu env clear shop --yes", "Take all variables out, without being asked:"),),
    "env save": (Example("jitsu env save shop shop.json", "Keep the variables in a file:"),),
    "env load": (Example("jitsu env load shop shop.json", "Set the variables that a file holds:"),),
    "databases": (Example("jitsu databases create redis cache --attach shop", "Give the app shop a redis:"),),
    "databases create": (
        Example("jitsu databases create redis cache --attach shop", "Give the app shop a redis:"),
        Example("url=$(jitsu db create mongo things --url)", "In a script, take the URL that connects:"),
    ),
    "databases list": (Example("jitsu databases list", "See the databases, their states and sizes:"),),
    "databases get": (Example("jitsu databases get cache", "See how to connect to the database cache:"),),
    "databases attach": (
        Example("jitsu databases attach cache shop --restart", "Tell the app shop of it, now:"),
        Example("jitsu databases attach second shop --as CACHE", "Tell it of another one, as CACHE_URL:"),
    ),
    "databases detach": (Example("jitsu databases detach cache shop", "Tell the app shop of it no more:"),),
    "databases resize": (Example("jitsu databases resize cache 512", "Let it use 512 MiB of memory:"),),
    "databases rotate": (
        Example("jitsu databases rotate cache --restart", "Change its password, also for its apps:"),
    ),
    "databases start": (Example("jitsu databases start cache", "Start the database cache:"),),
    "databases stop": (Example("jitsu databases stop cache", "Stop it; its data stays:"),),
    "databases connect": (
        Example("jitsu databases connect cache", "Talk to it by its own client:"),
        Example("jitsu db connect things --port 27017", "Open a port here that leads to it, until ^C:"),
    ),
    "databases backup": (
        Example("jitsu databases backup cache -o cache.backup", "Make a backup and download it:"),
    ),
    "databases backups": (Example("jitsu databases backups cache", "See which backups there are:"),),
    "databases restore": (
        Example("jitsu databases restore cache cache.backup", "Put back what a file holds:"),
    ),
    "databases schedule": (
        Example("jitsu databases schedule cache daily --keep 14", "Have a backup made every day:"),
    ),
    "databases destroy": (Example("jitsu databases destroy cache", "Remove it with all that is in it:"),),
    "login": (
        Example("jitsu login ada", "Log in, being asked for the password:"),
        Example("jitsu login ada --token-stdin < token.txt", "Log in with a token made elsewhere:"),
    ),
    "logout": (Example("jitsu logout", "Forget the token on this machine:"),),
    "whoami": (Example("jitsu whoami", "See whose account is in use:"),),
    "signup": (Example("jitsu signup ada", "Ask for an account:"),),
    "forgot": (
        Example("jitsu forgot ada", "Have a code mailed:"),
        Example("jitsu forgot ada CODE", "Set a new password with it:"),
    ),
    "users available": (Example("jitsu users available ada", "Ask whether a name is free:"),),
    "users confirm": (Example("jitsu users confirm ada CODE", "Give back the code from the mail:"),),
    "users changepassword": (
        Example("jitsu users changepassword --revoke-tokens", "Change it, and make all tokens void:"),
    ),
    "users update": (Example("jitsu users update", "Change the e-mail address:"),),
    "users destroy": (Example("jitsu users destroy", "Remove the account with all its apps:"),),
    "apps certs": (Example("jitsu apps certs list shop", "See which domains of shop have HTTPS:"),),
    "apps certs list": (Example("jitsu apps certs list shop", "See which domains of shop have HTTPS:"),),
    "apps certs add": (
        Example("jitsu apps certs add shop.example.com --cert chain.pem --key key.pem", "Bring your own:"),
    ),
    "apps certs remove": (Example("jitsu apps certs remove shop.example.com shop", "Forget it again:"),),
    "apps certs retry": (
        Example("jitsu apps certs retry shop.example.com", "DNS is right now, so try again at once:"),
    ),
    "server ca": (
        Example("curl --cacert $(jitsu server ca -q) https://shop.localhost:8443", "Come by HTTPS at home:"),
    ),
    "thirdparty": (Example("jitsu thirdparty list", "See which secrets the platform keeps:"),),
    "thirdparty list": (Example("jitsu thirdparty list", "See which secrets the platform keeps:"),),
    "thirdparty add": (
        Example("gh auth token | jitsu thirdparty add github --token-stdin", "Entrust a token for GitHub:"),
        Example(
            "cat token | jitsu thirdparty add npm --url https://npm.example.com --token-stdin",
            "Let builds install from a private registry:",
        ),
    ),
    "thirdparty remove": (Example("jitsu thirdparty remove deploys", "Have it forgotten:"),),
    "users": (Example("jitsu users whoami", "See whose account is in use:"),),
    "tokens": (Example("jitsu tokens create ci | gh secret set JITSU_TOKEN", "Give a CI system a token:"),),
    "tokens list": (Example("jitsu tokens list", "List the tokens:"),),
    "tokens create": (
        Example("jitsu tokens create ci | gh secret set JITSU_TOKEN", "Give a CI system a token:"),
    ),
    "tokens destroy": (Example("jitsu tokens destroy ci", "Make a token void:"),),
    "config": (Example("jitsu config", "See all settings and where they come from:"),),
    "config list": (Example("jitsu config list", "See all settings and where they come from:"),),
    "config get": (Example("jitsu config get host", "Print a setting:"),),
    "config set": (
        Example("jitsu config set timeout 120", "Wait two minutes for answers:"),
        Example("jitsu config set --profile work host jitsu.example.com", "Begin a profile:"),
    ),
    "config delete": (Example("jitsu config delete host", "Go back to the platform on this machine:"),),
    "host": (Example("jitsu host jitsu.example.com", "Talk to a platform elsewhere from now on:"),),
    "package": (Example("jitsu package list", "See which files would be uploaded:"),),
    "package create": (Example("jitsu package create -o shop.tgz", "Pack this folder as a deploy would:"),),
    "package list": (Example("jitsu package list", "See which files would be uploaded:"),),
    "server": (Example("jitsu server status", "See whether and where the platform runs:"),),
    "server start": (Example("jitsu server start --router-port 8000", "Start it, the apps on port 8000:"),),
    "server stop": (Example("jitsu server stop", "Stop it and the apps it runs:"),),
    "server restart": (Example("jitsu server restart", "Replace it; the apps go on serving:"),),
    "server status": (Example("jitsu server status --json", "See where it runs, as JSON:"),),
    "server run": (Example("jitsu server run", "Run it in this terminal, until ^C:"),),
    "server logs": (Example("jitsu server logs 40", "Print the newest 40 lines of its own log:"),),
    "server install": (
        Example("jitsu server install", "Have it start with the machine:"),
        Example("jitsu server install --print", "See the systemd unit first:"),
    ),
    "server uninstall": (Example("jitsu server uninstall", "Take the service away, and keep the data:"),),
    "server engines": (Example("jitsu server engines list", "See which Nodes are on this machine:"),),
    "server engines list": (Example("jitsu server engines list", "See which Nodes are on this machine:"),),
    "server engines add": (
        Example("jitsu server engines add 20", "Fetch the newest Node 20 ahead of its app:"),
    ),
    "server engines prune": (
        Example("jitsu server engines prune --dry-run", "See which fetched Nodes no app needs:"),
    ),
    "server prune": (Example("jitsu server prune --dry-run", "See what would make room on the disk:"),),
    "server users": (Example("jitsu server users list", "See who has an account here, and how much:"),),
    "server users list": (Example("jitsu server users list", "See who has an account here, and how much:"),),
    "server users invite": (
        Example("jitsu server users invite ada@example.com", "Let somebody sign up, and tell them:"),
    ),
    "server users create": (
        Example("jitsu server users create ada --email ada@example.com", "Make an account for somebody:"),
    ),
    "server users confirm": (
        Example("jitsu server users confirm ada", "Confirm an account whose mail never came:"),
    ),
    "server users lock": (Example("jitsu server users lock ada", "Keep somebody from logging in:"),),
    "server users unlock": (Example("jitsu server users unlock ada", "Let them log in again:"),),
    "server users remove": (
        Example("jitsu server users remove ada --confirm", "Remove an account and its apps, in a script:"),
    ),
    "server users limit": (
        Example("jitsu server users limit ada", "See what an account has and may have:"),
        Example("jitsu server users limit ada --apps 5 --memory 2048", "Allow 5 apps and 2 GiB of memory:"),
        Example("jitsu server users limit ada --apps none", "Take a limit away:"),
    ),
    "server users rotate-key": (
        Example("jitsu server stop && jitsu server users rotate-key", "Make a key void that got out:"),
    ),
    "server doctor": (Example("jitsu server doctor", "Find out what keeps it from running:"),),
    "completion": (
        Example("jitsu completion zsh --install", "Have zsh complete jitsu's words:"),
        Example("source <(jitsu completion bash)", "In bash, for this session only:"),
    ),
    "help": (
        Example("jitsu help env set", "Read about a command:"),
        Example("jitsu help exit-codes", "Read what the exit codes mean:"),
        Example("jitsu help json", "Read what each command answers with --json:"),
    ),
}
"""By the words that lead to the command, the shorter way where there are two."""

ELSEWHERE = {"apps browse": "open", "apps setdrones": "scale", "users create": "signup"}
"""Verbs that stand at the top under another name; see `of`."""


def of(path: str) -> tuple[Example, ...]:
    """The examples of a command: "apps list" has those of "list", which is the same command."""
    group, _, verb = path.partition(" ")
    same = verb if group in {"apps", "users"} else ""
    return EXAMPLES.get(path) or EXAMPLES.get(ELSEWHERE.get(path, same) or path, ())

"""The classes of failures that builds know: what the tools print, what it means, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jitsu_py.wire import Blame, Code

WITHIN: Final = r"/[^'\n]*/work/[0-9a-f]{32}/app/(?!node_modules/)"
"""The path of a file of the app while it is built, but for its own part."""


@dataclass(frozen=True)
class Failure:
    """One class of failures."""

    name: str
    """Stable, for tests and details."""
    pattern: str
    """Regular expression, looked for in the output; its named groups go into the texts."""
    message: str
    """What happened, one sentence."""
    hint: str
    """What to do next."""
    blame: Blame = Blame.APPLICATION
    code: Code | None = None
    """None: that of the stage that failed."""


NPM: Final = r"npm (?:error|ERR!) "
"""How npm's lines of an error begin; the second until npm 9."""

NPM_CODE: Final = NPM + r"code "

MANAGER_FAILURES: Final[tuple[Failure, ...]] = (
    Failure(
        "disk_full",
        r"ENOSPC|[Nn]o space left on device|EDQUOT",
        "The server's disk is full.",
        "Free some space on the server, then deploy again.",
        Blame.SYSTEM,
        Code.DISK_FULL,
    ),
    Failure(
        "lockfile_out_of_step",
        r"`npm ci` can only install packages when your package\.json and"
        r"|ERR_PNPM_OUTDATED_LOCKFILE|[Yy]our lockfile needs to be updated"
        r"|The lockfile would have been (?:modified|created) by this install",
        "The lockfile does not fit package.json.",
        "Run npm install (yarn, pnpm) in the project and deploy the lockfile it writes.",
    ),
    Failure(
        "lockfile_broken",
        r"`npm ci` command can only install with an existing package-lock|ERR_PNPM_BROKEN_LOCKFILE",
        "The lockfile is broken: it cannot be read.",
        "Restore it, or delete it and run npm install for a new one. Look for conflict marks of a merge.",
    ),
    Failure(
        "peer_conflict",
        NPM_CODE + r"ERESOLVE(?:[\s\S]*?peer(?:Optional)? (?P<what>.+))?",
        "Two dependencies do not go together (npm's ERESOLVE): {what}.",
        "Run npm install in the project to see both and change one of the versions, or put "
        '"legacy-peer-deps=true" into its .npmrc.',
    ),
    Failure(
        "no_credentials",
        NPM_CODE
        + r"(?:E401|E403|ENEEDAUTH)(?:[\s\S]*?GET (?P<what>\S+))?"
        + r"|ERR_PNPM_FETCH_40[13]\S*\s+GET (?P<what2>\S+?):?\s|YN0041|YN0033"
        + r'|An unexpected error occurred: "(?P<what3>\S+): Request failed \\?"?40[13]'
        + r"|error (?:Error: )?(?P<what4>http\S+): .*(?i:authori[sz]|authenticat|forbidden)",
        "The registry does not give out a package without credentials: {what}.",
        "Entrust a token for its registry: jitsu thirdparty add npm --url https://registry.example.com. Or "
        "put //registry.example.com/:_authToken=${{NPM_TOKEN}} into the project's .npmrc, and set NPM_TOKEN "
        "with jitsu env set.",
        Blame.USER,
    ),
    Failure(
        "package_missing",
        NPM_CODE + r"E404(?:[\s\S]*?404\s+'(?P<what>[^']+)'|[\s\S]*?GET (?P<what2>\S+))?"
        r"|ERR_PNPM_FETCH_404[\s\S]*?(?P<what3>\S+): Not Found"
        r'|Couldn\'t find package "(?P<what4>[^"]+)"'
        r"|YN0035: . (?P<what5>\S+?)(?:@npm\S*)?: Package not found"
        r"|error (?:Error: )?(?P<what6>http\S+): [Nn]ot found",
        "A package is not in the registry: {what}.",
        "Check its name in package.json; a private one needs its registry and a token in .npmrc.",
    ),
    Failure(
        "version_missing",
        NPM_CODE + r"ETARGET(?:[\s\S]*?No matching version found for (?P<what>\S+?)\.?(?:\s|$))?"
        r"|ERR_PNPM_NO_MATCHING_VERSION\S*\s+No matching version found for (?P<what2>\S+)"
        r'|Couldn\'t find any versions for "(?P<what3>[^"]+)"'
        r"|YN0082: . (?P<what4>\S+?): No candidates found",
        "A package has no such version: {what}.",
        "See its versions with npm view PACKAGE versions, and change package.json.",
    ),
    Failure(
        "certificate",
        r"SELF_SIGNED_CERT|UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY_LEAF_SIGNATURE)|CERT_HAS_EXPIRED",
        "The server does not trust the registry's certificate.",
        "Behind a proxy that opens TLS, point NODE_EXTRA_CA_CERTS of the server to its certificate.",
        Blame.SYSTEM,
    ),
    Failure(
        "integrity",
        NPM_CODE + r"EINTEGRITY|ERR_PNPM_TARBALL_INTEGRITY|Integrity check failed",
        "A downloaded package is not what the lockfile or the registry says it is.",
        "Deploy again; if it stays so, delete the lockfile and run npm install for a new one.",
    ),
    Failure(
        "git_missing",
        NPM + r"syscall spawn git|git: (?:command )?not found",
        "A dependency comes from a git repository, and the server has no git.",
        "Install git on the server, or take the package from a registry.",
        Blame.SYSTEM,
    ),
    Failure(
        "git_credentials",
        r"could not read Username for '(?P<what>[^']+)'|Authentication failed for '(?P<what2>[^']+)'"
        r"|remote: Repository not found|Permission denied \(publickey|Host key verification failed",
        "A dependency comes from a git repository that is not open to this build: {what}.",
        "Entrust a token: jitsu thirdparty add github (another host: jitsu thirdparty add git --url "
        "https://git.example.com), and name the repository by its https:// or github: address.",
        Blame.USER,
    ),
    Failure(
        "git_failed",
        r"An unknown git error occurred|" + NPM + r"command git ",
        "A dependency could not be fetched from its git repository.",
        "Is the address right, and does the server have access? A package from a registry needs none.",
        Blame.USER,
    ),
    Failure(
        "registry_error",
        NPM_CODE + r"(?P<what>E429|E5\d\d)",
        "The package registry refused to answer ({what}).",
        "It is busy or broken: deploy again in some minutes.",
        Blame.SYSTEM,
    ),
    Failure(
        "network_down",
        r"(?:"
        + NPM_CODE
        + r"|META_FETCH_FAIL[\s\S]*?|unexpected error occurred: .*|YN\d+: .*RequestError: .*|^error Error: .*"
        r")(?:ERR_SOCKET_TIMEOUT|EAI_AGAIN"
        r"|E(?:NOTFOUND|CONNREFUSED|TIMEDOUT|CONNRESET|NETUNREACH|HOSTUNREACH))",
        "The package registry cannot be reached from the server.",
        "Check the server's network, its proxy (HTTPS_PROXY) and the registry in .npmrc; then deploy again.",
        Blame.SYSTEM,
    ),
    Failure(
        "engine_mismatch",
        NPM_CODE + r"EBADENGINE(?:[\s\S]*?Not compatible with your version of node/npm: (?P<what>\S+))?",
        "A package does not work with the Node that was chosen: {what}.",
        "Set engines.node in package.json to a range that fits it too.",
    ),
    Failure(
        "manifest_broken",
        NPM_CODE
        + r"(?:EJSONPARSE|EINVALID\w+|EUNSUPPORTEDPROTOCOL)|"
        + NPM
        + r"Invalid (?:package )?(?:name|version)",
        "npm cannot use package.json.",
        "npm's words are in the output; npm install in the project says the same.",
        code=Code.BAD_MANIFEST,
    ),
)
"""What package managers say themselves; looked for first, in this order."""

SCRIPT_FAILURES: Final[tuple[Failure, ...]] = (
    Failure(
        "out_of_memory",
        r"JavaScript heap out of memory|FATAL ERROR: .*[Aa]llocation failed|virtual memory exhausted"
        r"|Cannot allocate memory|std::bad_alloc",
        "The build ran out of memory.",
        'Give Node more: set NODE_OPTIONS="--max-old-space-size=4096" in the app\'s variables.',
    ),
    Failure(
        "killed",
        NPM + r"signal SIGKILL|^Killed$",
        "The system killed a script, most likely because memory ran out.",
        "Build less at once, or give the server more memory.",
        Blame.SYSTEM,
    ),
    Failure(
        "compiler_missing",
        r"gyp ERR! (?:stack Error: )?not found: make|Could not find any Python installation"
        r"|(?:make|sh)(?:\[\d+\])?: (?:\d+: )?(?:g\+\+|cc|c\+\+|gcc|clang)[^\n]*(?:No such file|not found)",
        "A dependency has native code, and the server has no compiler to build it with.",
        "Install Python, make and a C++ compiler on the server, or take a version with prebuilt binaries.",
        Blame.SYSTEM,
    ),
    Failure(
        "native_build",
        r"gyp ERR! (?:build error|configure error|stack)",
        "A dependency's native code could not be built.",
        "The compiler says why. An old version may not fit this Node: update it, or set engines.node.",
    ),
    Failure(
        "command_missing",
        r"sh: (?:\d+: |line \d+: )?(?P<what>[^\s:]+): (?:command )?not found",
        "A script needs a command that is not there: {what}.",
        "Is its package among the dependencies (not only installed globally)? If only development needs it, "
        "let the script do without it.",
    ),
    Failure(
        "not_executable",
        r"sh: (?:\d+: |line \d+: )?(?P<what>[^\s:]+): Permission denied",
        "A script starts a file that may not be executed: {what}.",
        "Set its mode in the project (chmod +x), or start it with its interpreter.",
    ),
    Failure(
        "typescript",
        r"(?P<what>\S+\.[cm]?tsx?[(:]\d+[^\n]*error TS\d+[^\n]*)",
        "TypeScript found an error: {what}",
        "Correct it; tsc in the project says the same.",
    ),
    Failure(
        "openssl_legacy",
        r"ERR_OSSL_EVP_UNSUPPORTED|digital envelope routines::unsupported",
        "A tool needs a hash that OpenSSL 3 (Node 17 and later) no longer has; old webpack does.",
        'Update it, or set engines.node to "16", or NODE_OPTIONS to "--openssl-legacy-provider".',
    ),
    Failure(
        "file_missing",
        # By its whole path, or by a relative one in a file of the app itself.
        rf"Cannot find (?:module|package) '(?:{WITHIN}(?P<what>[^'\n]+)'"
        rf"|(?P<other>\.{{1,2}}/[^'\n]+)'\nRequire stack:\n- {WITHIN})",
        "A script needs a file that is not in the snapshot: {what}.",
        "Is it left out by an ignore file, or by `files` in package.json? `jitsu deploy --dry-run` tells.",
    ),
    Failure(
        "module_missing",
        r"Cannot find (?:module|package) '(?P<what>[^']+)'",
        "A script needs a module that is not there: {what}.",
        "Add it to the dependencies of package.json.",
    ),
    Failure(
        "port_taken",
        r"EADDRINUSE[^\n]*?(?P<what>\d+)\s*$",
        "A script listens on a port that is taken: {what}.",
        "A build should not start servers: the start script does.",
    ),
    Failure(
        "script_network",
        r"E(?:NOTFOUND|CONNREFUSED|TIMEDOUT|CONNRESET|NETUNREACH|HOSTUNREACH|AI_AGAIN)\b",
        "A script could not reach an address in the network.",
        "Its output names it. Can the server reach it, and does the script heed HTTPS_PROXY?",
    ),
    Failure(
        "script_failed",
        NPM + r"path \S+?/app/(?:node_modules/)?(?P<what>\S+)\n" + NPM + r"command failed",
        "An install script failed, that of {what}.",
        "Its words are in the output; npm install in the project may say the same.",
    ),
)
"""What the programs say that a package manager or a build runs."""

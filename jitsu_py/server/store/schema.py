"""The tables. Times are seconds since the epoch (REAL), sizes are bytes."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    false,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("email", String, unique=True),
    Column("password", String),  # argon2id; NULL: none set, no password fits
    Column("confirmed", Boolean, nullable=False),
    Column("ctime", Float, nullable=False),
    Column("mtime", Float, nullable=False),
    Column("locked", Boolean, nullable=False, server_default=false()),  # may not log in
    Column("doomed", Boolean, nullable=False, server_default=false()),  # is being removed with its apps
    Column("limits", JSON),  # {apps, drones, memory, disk, databases}; what is left out is unlimited
)

codes = Table(
    "codes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("purpose", String, nullable=False),  # confirm | password | email
    Column("digest", String, nullable=False, unique=True),  # SHA-256, hex
    Column("email", String),  # purpose email: the address that the code confirms
    Column("ctime", Float, nullable=False),
    Column("expires", Float, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("email", String, primary_key=True),
    Column("ctime", Float, nullable=False),
)

thirdparty = Table(
    "thirdparty",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("ref", String, nullable=False),  # the id a person sees
    Column("provider", String, nullable=False),
    Column("token", LargeBinary, nullable=False),  # sealed
    Column("ctime", Float, nullable=False),
    UniqueConstraint("user_id", "ref"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("digest", String, nullable=False, unique=True),  # SHA-256, hex
    Column("prefix", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("app", String),
    Column("ctime", Float, nullable=False),
    Column("last_used", Float),
    Column("expires", Float),
    UniqueConstraint("user_id", "name"),
)

apps = Table(
    "apps",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("subdomain", String, nullable=False, unique=True),
    Column("state", String, nullable=False),  # wanted: started | stopped
    Column("drones", Integer, nullable=False),  # wanted
    Column("ram", Integer),  # MiB a drone
    Column("manifest", JSON, nullable=False),  # package.json as sent, less what has a column
    Column("env", LargeBinary, nullable=False),  # sealed JSON object
    Column("active_id", Integer),  # snapshots.id
    Column("release_id", Integer),  # releases.id: what serves, or served last
    Column("ctime", Float, nullable=False),
    Column("mtime", Float, nullable=False),
    UniqueConstraint("user_id", "name"),
)

domains = Table(
    "domains",
    metadata,
    Column("host", String, primary_key=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False, index=True),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False),
    Column("ref", String, nullable=False),  # the id a person sees: 0.1.0-1
    Column("state", String, nullable=False),  # building | ready | failed
    Column("md5", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("ctime", Float, nullable=False),
    Column("seconds", Float),
    Column("engine", String),  # Node's version
    Column("node", String),  # path of its executable
    Column("command", String),  # the start command line
    Column("release", String),  # the command that is run once before its first start
    Column("released", Float),  # when it ended well
    Column("error", JSON),  # an error body, when failed
    Column("care", JSON(none_as_null=True)),  # what its package.json asks of the drones' keeper
    UniqueConstraint("app_id", "ref"),
)

releases = Table(
    "releases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("snapshot_id", ForeignKey("snapshots.id", ondelete="CASCADE"), nullable=False),
    Column("env", LargeBinary, nullable=False),  # sealed: as it was at this start
    Column("ctime", Float, nullable=False),
    Column("served", Float),  # when it was first proved ready; NULL: never
)

drains = Table(
    "drains",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("ref", String, nullable=False),  # the id a person sees
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE")),  # NULL: all the user's apps
    Column("url", LargeBinary, nullable=False),  # sealed
    Column("redact", Boolean, nullable=False),
    Column("ctime", Float, nullable=False),
    UniqueConstraint("user_id", "ref"),
)

drain_places = Table(
    "drain_places",
    metadata,
    Column("drain_id", ForeignKey("drains.id", ondelete="CASCADE"), primary_key=True),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True),
    Column("line", Integer, nullable=False),  # id of the last line that the receiver took
)

remembered = Table(
    "remembered",
    metadata,
    Column("key", String, primary_key=True),  # e.g. api.port
    Column("value", String, nullable=False),
)

databases = Table(
    "databases",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("type", String, nullable=False),  # the seed's: couch, redis, mongo, mongohq, redistogo
    Column("ref", String, nullable=False, unique=True),  # marks its processes; no two ever had the same
    Column("wanted", String, nullable=False),  # running | stopped
    Column("port", Integer, nullable=False, unique=True),
    Column("secret", LargeBinary, nullable=False),  # sealed {password, former?}
    Column("memory", Integer, nullable=False),  # MiB
    Column("server", String),  # what wrote the data last, "valkey-server 8.1.8"; NULL: nothing yet
    Column("schedule", JSON),  # {every, keep}; NULL: no backups by themselves
    Column("ctime", Float, nullable=False),
    Column("mtime", Float, nullable=False),
    UniqueConstraint("user_id", "name"),
)

attachments = Table(
    "attachments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("database_id", ForeignKey("databases.id", ondelete="CASCADE"), nullable=False),
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("alias", String),  # CACHE: the variable is CACHE_URL; NULL: that of the type
    UniqueConstraint("database_id", "app_id"),
)

certificates = Table(
    "certificates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("host", String, nullable=False),
    Column("source", String, nullable=False),  # own: somebody brought it; acme, local: who signed it
    Column("app_id", ForeignKey("apps.id", ondelete="CASCADE")),  # own: whose it is; NULL: the platform's
    Column("chain", String, nullable=False),  # PEM, leaf first
    Column("key", LargeBinary, nullable=False),  # sealed {pem}
    Column("begins", Float, nullable=False),
    Column("ends", Float, nullable=False),
    Column("issuer", String, nullable=False),
    Column("ctime", Float, nullable=False),
    UniqueConstraint("host", "source"),
)

orders = Table(
    "orders",
    metadata,
    Column("host", String, primary_key=True),  # for which the last try to get a certificate failed
    Column("failures", Integer, nullable=False),  # one after the other
    Column("again", Float, nullable=False),  # not before
    Column("error", String, nullable=False),
)

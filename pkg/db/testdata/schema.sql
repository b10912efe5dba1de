-- migrations/sqlite/00001_hosts_and_readings.sql

-- Times are seconds since 1970-01-01 UTC, as integers: small, exact, and
-- compared without a function. datetime(ts, 'unixepoch') shows them.
--
-- Every table carries the host, also here where there is one as a rule, so
-- that the same questions work on a server that collects many hosts, and a
-- file copied from one host to another keeps the two apart.

-- +goose Up

-- One row per host that ever wrote here. The integer id keeps the name out of
-- every key. boot_id is that of the last start of the agent: it tells a
-- restarted agent from a restarted host.
CREATE TABLE host (
	id         INTEGER PRIMARY KEY,
	name       TEXT    NOT NULL UNIQUE,
	boot_id    TEXT    NOT NULL,
	first_seen INTEGER NOT NULL,
	last_seen  INTEGER NOT NULL
);

-- One row per reading and label set: "cpu_socket" with {"socket":"0"}. The
-- wide tables hold only its id. labels is canonical JSON (keys sorted, values
-- strings), so that equal label sets are equal texts; attrs describes the row
-- without being part of its identity. last_seen is renewed about hourly, not
-- with every minute. AUTOINCREMENT, because an id is never used again: a
-- deleted process must not lend its history to a new one.
CREATE TABLE reading_row (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	host       INTEGER NOT NULL REFERENCES host (id),
	reading    TEXT    NOT NULL,
	labels     TEXT    NOT NULL,
	attrs      TEXT    NOT NULL,
	first_seen INTEGER NOT NULL,
	last_seen  INTEGER NOT NULL,
	UNIQUE (host, reading, labels)
);

-- The high-water mark of each tier of each reading: everything before ts is
-- in the table of that tier. It moves in the transaction that writes the
-- rows, which is why nothing is written twice and nothing is left out.
CREATE TABLE mark (
	host    INTEGER NOT NULL REFERENCES host (id),
	reading TEXT    NOT NULL,
	tier    TEXT    NOT NULL,
	ts      INTEGER NOT NULL,
	PRIMARY KEY (host, reading, tier)
) WITHOUT ROWID;

-- The last sign of life of each host's agent, one row per host that is
-- updated in place: a row every five seconds would be more writing than all
-- readings together. uptime is the agent's own, in seconds.
CREATE TABLE heartbeat (
	host    INTEGER PRIMARY KEY REFERENCES host (id),
	ts      INTEGER NOT NULL,
	pid     INTEGER NOT NULL,
	version TEXT    NOT NULL,
	uptime  INTEGER NOT NULL,
	health  TEXT    NOT NULL
);

-- another: Made up.

CREATE TABLE IF NOT EXISTS "another_minute" (
	"host" INTEGER NOT NULL,
	"row" INTEGER NOT NULL,
	"ts" INTEGER NOT NULL,
	"n" INTEGER NOT NULL,
	"level" NUMERIC,
	"level_min" NUMERIC,
	"level_max" NUMERIC,
	PRIMARY KEY ("host", "row", "ts")
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS "another_hourly" (
	"host" INTEGER NOT NULL,
	"row" INTEGER NOT NULL,
	"ts" INTEGER NOT NULL,
	"n" INTEGER NOT NULL,
	"level" NUMERIC,
	"level_min" NUMERIC,
	"level_max" NUMERIC,
	PRIMARY KEY ("host", "row", "ts")
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS "another_daily" (
	"host" INTEGER NOT NULL,
	"row" INTEGER NOT NULL,
	"ts" INTEGER NOT NULL,
	"n" INTEGER NOT NULL,
	"level" NUMERIC,
	"level_min" NUMERIC,
	"level_max" NUMERIC,
	PRIMARY KEY ("host", "row", "ts")
) WITHOUT ROWID;

-- thing: A thing.

CREATE TABLE IF NOT EXISTS "thing_minute" (
	"host" INTEGER NOT NULL,
	"row" INTEGER NOT NULL,
	"ts" INTEGER NOT NULL,
	"n" INTEGER NOT NULL,
	"thing_load" NUMERIC,
	"thing_load_min" NUMERIC,
	"thing_load_max" NUMERIC,
	"thing_size_bytes" NUMERIC,
	"thing_size_bytes_min" NUMERIC,
	"thing_size_bytes_max" NUMERIC,
	"thing_moved_bytes" NUMERIC,
	PRIMARY KEY ("host", "row", "ts")
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS "thing_hourly" (
	"host" INTEGER NOT NULL,
	"row" INTEGER NOT NULL,
	"ts" INTEGER NOT NULL,
	"n" INTEGER NOT NULL,
	"thing_load" NUMERIC,
	"thing_load_min" NUMERIC,
	"thing_load_max" NUMERIC,
	"thing_size_bytes" NUMERIC,
	"thing_size_bytes_min" NUMERIC,
	"thing_size_bytes_max" NUMERIC,
	"thing_moved_bytes" NUMERIC,
	PRIMARY KEY ("host", "row", "ts")
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS "thing_daily" (
	"host" INTEGER NOT NULL,
	"row" INTEGER NOT NULL,
	"ts" INTEGER NOT NULL,
	"n" INTEGER NOT NULL,
	"thing_load" NUMERIC,
	"thing_load_min" NUMERIC,
	"thing_load_max" NUMERIC,
	"thing_size_bytes" NUMERIC,
	"thing_size_bytes_min" NUMERIC,
	"thing_size_bytes_max" NUMERIC,
	"thing_moved_bytes" NUMERIC,
	PRIMARY KEY ("host", "row", "ts")
) WITHOUT ROWID;


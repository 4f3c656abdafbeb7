"""What is exported comes back row by row, and its manifest says what it is."""

from __future__ import annotations

import hashlib

import pytest
from runbook_sandbox.clocked.database import SCHEMA, Database

from exports.exporter import NAME, OWNER, SLOT, STAMP, Exporter

KEY = f"database/{NAME}-{STAMP}.dump.zst"
TABLES = ["users", "groups", "group_members", "sessions"]


def rows(database: Database, table: str) -> list[tuple]:
    return sorted(database.query(f"SELECT * FROM {table}"))


@pytest.mark.parametrize("compression, suffix", [("zstd", "dump.zst"), ("gzip", "dump.gz"), ("none", "dump")])
def test_a_whole_database_comes_back(exporter: Exporter, empty: Database, compression: str, suffix: str):
    told = exporter.run(compression=compression)
    key = f"database/{NAME}-{STAMP}.{suffix}"
    assert (told["result"], told["exitCode"], told["key"]) == ("Complete", 0, key)
    exporter.restore(key, empty)
    for table in TABLES:
        assert rows(empty, table) == rows(exporter.database, table) != []
    # Sequences go on where they were.
    empty.query("INSERT INTO users (email, name) VALUES ('new@example.com', 'New') RETURNING id")
    assert empty.query("SELECT max(id) FROM users") == [(41,)]


def test_a_manifest_says_what_an_export_is(exporter: Exporter):
    told = exporter.run()
    data, manifest = exporter.bucket.read(KEY), exporter.manifest(KEY)
    assert sorted(exporter.bucket.listed()) == [KEY, f"{KEY}.manifest.json"]
    counts = {table: exporter.database.query(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}
    assert {table["name"]: table["rows"] for table in manifest["tables"]} == counts
    assert {table["schema"] for table in manifest["tables"]} == {"public"}
    assert told["rows"] == sum(counts.values()) and told["tables"] == len(TABLES)
    assert manifest["object"]["sha256"] == told["sha256"] == hashlib.sha256(data).hexdigest()
    assert manifest["object"]["bytes"] == told["bytes"] == len(data)
    assert manifest["dumpBytes"] == len(exporter.dump(KEY)) > len(data)
    assert (manifest["owner"], manifest["slot"], manifest["from"]["source"]) == (OWNER, SLOT, "Primary")
    version = exporter.postgres.version()
    assert (manifest["from"]["serverVersion"], manifest["from"]["pgDumpVersion"]) == (version, version)
    assert exporter.bucket.s3.head_object(Bucket=exporter.bucket.name, Key=KEY)["Metadata"]["runbook-owner"] == OWNER


def test_rows_of_named_tables_alone(exporter: Exporter, empty: Database):
    told = exporter.run(tables=["users", "public.sessions"], dataOnly=True)
    assert (told["result"], told["tables"], told["rows"]) == ("Complete", 2, 40 + 120)
    with empty.connect() as connection:
        connection.execute(SCHEMA)
    exporter.restore(KEY, empty)
    for table in ("users", "sessions"):
        assert rows(empty, table) == rows(exporter.database, table)
    assert rows(empty, "groups") == rows(empty, "group_members") == []


def test_a_partitioned_table_comes_with_its_partitions_and_names_are_taken_as_they_are(exporter: Exporter, empty: Database):
    with exporter.database.connect() as connection:
        connection.execute('CREATE SCHEMA "Odd Things"')
        connection.execute('CREATE TABLE "Odd Things"."Visits $1" (at date, n int) PARTITION BY RANGE (at)')
        for year in (2025, 2026):
            bounds = f"FROM ('{year}-01-01') TO ('{year + 1}-01-01')"
            connection.execute(f'CREATE TABLE "Odd Things"."visits_{year}" PARTITION OF "Odd Things"."Visits $1" FOR VALUES {bounds}')
        connection.execute("""INSERT INTO "Odd Things"."Visits $1" SELECT '2025-12-01'::date + n, n FROM generate_series(0, 59) AS n""")
        empty_schema = 'CREATE SCHEMA "Odd Things"'
    try:
        told = exporter.run(tables=["Odd Things.Visits $1"])
        counted = {table["name"]: table["rows"] for table in exporter.manifest(KEY)["tables"]}
    finally:
        table = 'SELECT * FROM "Odd Things"."Visits $1"'
        before = exporter.database.query(table)
        with exporter.database.connect() as connection:
            connection.execute('DROP SCHEMA "Odd Things" CASCADE')
    assert (told["result"], told["rows"], counted) == ("Complete", 60, {"visits_2025": 31, "visits_2026": 29})
    with empty.connect() as connection:
        connection.execute(empty_schema)
    exporter.restore(KEY, empty)
    assert sorted(empty.query(table)) == sorted(before)


def test_what_is_written_meanwhile_is_in_neither_the_dump_nor_the_counts(exporter: Exporter, empty: Database):
    aws = exporter.bucket.account
    # pg_dump has its snapshot when the upload begins; what it reads of tables comes after.
    aws.control("POST", "/faults", {"service": "s3", "operation": "CreateMultipartUpload", "kind": "slow", "delay": 2, "when": "before"})
    running = exporter.start(tables=["groups"])
    exporter.until_asked("CreateMultipartUpload")
    exporter.database.query("INSERT INTO groups (name) VALUES ('late') RETURNING id")
    try:
        told = exporter.finish(running)
    finally:
        exporter.database.query("DELETE FROM groups WHERE name = 'late' RETURNING id")
    exporter.restore(KEY, empty)
    assert (told["rows"], len(rows(empty, "groups"))) == (4, 4)


def test_memory_is_bounded(exporter: Exporter, bucket):
    """A table that is larger than the whole address space of exporter and pg_dump, of what no compression makes small."""
    limit, size = 160 << 20, 192 << 20
    with exporter.database.connect() as connection:
        line = "SELECT string_agg(md5(random()::text || n || i), '') FROM generate_series(1, 256) AS i"
        connection.execute(f"CREATE TABLE noise AS SELECT n, ({line}) AS text FROM generate_series(1, {size >> 13}) AS n")
    try:
        for compression in ("none", "zstd"):
            told = exporter.run(limit, tables=["noise"], compression=compression, name=f"noise-{compression}")
            assert (told["result"], told["rows"]) == ("Complete", size >> 13), told
            key = told["key"]
            assert exporter.manifest(key)["dumpBytes"] > limit
            assert exporter.manifest(key)["object"]["bytes"] == bucket.s3.head_object(Bucket=bucket.name, Key=key)["ContentLength"]
            # As large as it is it went up in parts.
            assert len(bucket.account.calls_of(f"exporter-{bucket.name}", "UploadPart")) >= 10
    finally:
        with exporter.database.connect() as connection:
            connection.execute("DROP TABLE noise")


def test_once_is_enough(exporter: Exporter):
    first = exporter.run()
    again = exporter.run()
    assert again == first
    user = f"exporter-{exporter.bucket.name}"
    assert len(exporter.bucket.account.calls_of(user, "CreateMultipartUpload")) == 1

"""Splink's deterministic linking with DuckDB, run by an interpreter that has both.

    python splink_run.py RECORDS.csv GROUPS.csv [THREADS]

Records have a column for each kind of identifier, of several values the first; pairs are what
agrees in one of them, groups their connected components. Writes a line of JSON: CPU seconds of
linking alone, and versions.
"""

import json
import sys
import time

import duckdb
import splink
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

COLUMNS = ("person", "unit", "crm", "email", "whatsapp", "phone", "session", "browser")


def main(records: str, groups: str, threads: int) -> None:
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute(
        "CREATE TABLE records AS SELECT * FROM read_csv(?, all_varchar = true, header = true)",
        [records],
    )
    started = time.process_time()
    database = DuckDBAPI(connection)
    settings = SettingsCreator(
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[block_on(column) for column in COLUMNS],
    )
    linker = Linker(database.register(connection.table("records")), settings)
    pairs = linker.inference.deterministic_link()
    found = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs)
    used = time.process_time() - started
    connection.execute(
        f"COPY (SELECT unique_id, cluster_id FROM {found.physical_name}) TO '{groups}' (HEADER)"
    )
    told = {"cpu": used, "splink": splink.__version__, "duckdb": duckdb.__version__}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1)

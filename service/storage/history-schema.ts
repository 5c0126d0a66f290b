import type { Migrations } from './migrations.ts'

/**
 * Samples first go to `recent`, in the order they come, and are sorted into `sample` and averaged into `minute` every few
 * minutes: writing each second into every series would rewrite one page per series, which wears out flash storage.
 */
export const historyMigrations: Migrations = [
  `
  CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    metric TEXT NOT NULL,
    UNIQUE (device, metric)
  ) STRICT;

  CREATE TABLE recent (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL,
    at INTEGER NOT NULL,
    value REAL NOT NULL
  ) STRICT;

  CREATE TABLE sample (
    series INTEGER NOT NULL,
    at INTEGER NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (series, at)
  ) STRICT, WITHOUT ROWID;

  -- at: whole minutes since 1970
  CREATE TABLE minute (
    series INTEGER NOT NULL,
    at INTEGER NOT NULL,
    mean REAL NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (series, at)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    severity TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    device TEXT
  ) STRICT;

  -- newest place of the journal known here: tells when the journal was cut or removed
  CREATE TABLE journal_anchor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE explain_series (
    id INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    command TEXT NOT NULL,
    UNIQUE (device, command)
  ) STRICT;

  -- the sentences without their numbers: few, however often the numbers change
  CREATE TABLE explain_text (
    id INTEGER PRIMARY KEY,
    body TEXT NOT NULL UNIQUE
  ) STRICT;

  CREATE TABLE explain (
    id INTEGER PRIMARY KEY,
    series INTEGER NOT NULL,
    at INTEGER NOT NULL,
    since INTEGER NOT NULL,
    value REAL,
    text INTEGER NOT NULL,
    numbers TEXT NOT NULL
  ) STRICT;
  CREATE INDEX explain_place ON explain (series, at);
  `,
]

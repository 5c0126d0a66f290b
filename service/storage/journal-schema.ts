import type { Migrations } from './migrations.ts'

/** `body` is the very text that was hashed; what is searched for is derived from it and cannot differ. */
export const journalMigrations: Migrations = [
  `
  CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    body TEXT NOT NULL,
    hash TEXT NOT NULL,
    kind TEXT GENERATED ALWAYS AS (body ->> '$.kind') VIRTUAL,
    device TEXT GENERATED ALWAYS AS (body ->> '$.deviceId') VIRTUAL
  ) STRICT;
  CREATE INDEX journal_kind ON journal (kind, seq);
  CREATE INDEX journal_device ON journal (device, seq) WHERE device IS NOT NULL;

  CREATE TABLE head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,
    hash TEXT NOT NULL
  ) STRICT;
  `,
]

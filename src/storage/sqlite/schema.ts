/** The types of events that the index of types leaves out, because a log has very many of them. */
export const unindexedTypes: readonly string[] = ['message.delta', 'tool.output'];

/** `migrations[n]` upgrades a file from version n to n + 1. Only append to this list. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE event (
    session TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL, at INTEGER NOT NULL, fact TEXT NOT NULL,
    PRIMARY KEY (session, seq)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE mark (
    session TEXT NOT NULL PRIMARY KEY, thinned INTEGER NOT NULL, trimmed INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- The id leads, so that erasing a session finds its records of every kind.
  CREATE TABLE record (
    id TEXT NOT NULL, kind TEXT NOT NULL, version INTEGER NOT NULL, sort REAL NOT NULL, doc TEXT NOT NULL,
    PRIMARY KEY (id, kind)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX record_order ON record (kind, sort DESC, id);

  CREATE TABLE inbox (
    key TEXT NOT NULL PRIMARY KEY, hash TEXT NOT NULL, at INTEGER NOT NULL, answer TEXT
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE lease (
    name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE command (
    id TEXT NOT NULL UNIQUE, session TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, at INTEGER NOT NULL,
    answer TEXT
  ) STRICT; -- with a rowid: the order they came in
  CREATE INDEX command_unanswered ON command (session, at) WHERE answer IS NULL;
  CREATE INDEX command_age ON command (at);
  `,
  // The search uses this index, so that it reads messages alone.
  `
  CREATE INDEX event_message ON event (session, seq) WHERE type IN ('message.user', 'message.assistant');
  `,
  // Sums of usage over days read this index, so that they read events of usage alone.
  `
  CREATE INDEX event_usage ON event (at) WHERE type = 'usage';
  `,
  // The newest event of a type is read from this index. The types are those of `unindexedTypes`.
  `
  CREATE INDEX event_type ON event (session, type, seq)
  WHERE type NOT IN ('message.delta', 'tool.output');
  `,
];

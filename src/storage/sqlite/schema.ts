import { toRecordIndexEntry } from '../../core/contracts/record-index.ts';
import type { SessionRecord } from '../../core/model/records.ts';

/** Types excluded from the index, because a log has very many such events. */
export const unindexedEventTypes: readonly string[] = ['message.delta', 'tool.output'];

export const toIndexColumns = (kind: string, doc: unknown) => {
  const { shared, ...entry } = toRecordIndexEntry(kind, doc);
  const { forkedFrom, title } = kind === 'session' ? ((doc ?? {}) as Partial<SessionRecord>) : {};
  return {
    ...entry,
    shared: shared ? (1 as const) : (0 as const),
    copied: forkedFrom?.seq ?? null,
    title: title ?? null,
  };
};

/** `migrations[n]` upgrades from version n to n + 1. Only append to this list. */
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
  // Lets the search read only messages.
  `
  CREATE INDEX event_message ON event (session, seq) WHERE type IN ('message.user', 'message.assistant');
  `,
  // Lets daily usage totals read only usage events.
  `
  CREATE INDEX event_usage ON event (at) WHERE type = 'usage';
  `,
  // Finds the newest event of a type. The excluded types are `unindexedEventTypes`.
  `
  CREATE INDEX event_type ON event (session, type, seq)
  WHERE type NOT IN ('message.delta', 'tool.output');
  `,
  // Index fields of records, as in `toRecordIndexEntry`.
  `
  ALTER TABLE record ADD COLUMN owner TEXT;
  ALTER TABLE record ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE record ADD COLUMN state TEXT;
  ALTER TABLE record ADD COLUMN name TEXT;
  UPDATE record SET owner = doc ->> '$.owner' WHERE doc LIKE '{%"owner":"%' AND json_type(doc, '$.owner') = 'text';
  UPDATE record SET owner = doc ->> '$.environmentId' WHERE kind = 'environment-key';
  UPDATE record SET shared = 1 WHERE kind IN ('skill', 'automation') AND doc ->> '$.shared';
  UPDATE record SET state = iif(doc ->> '$.deleting', 'deleting', doc ->> '$.status') WHERE kind = 'session';
  UPDATE record SET state = 'after' WHERE kind = 'automation' AND json_type(doc, '$.after') = 'object';
  UPDATE record SET state = 'making' WHERE kind = 'named-snapshot' AND doc ->> '$.making' IS NOT NULL;
  UPDATE record SET state = 'unchecked' WHERE kind = 'large';
  UPDATE record SET name = iif(shared, '', ifnull(owner, '')) || ':' || (doc ->> '$.name') WHERE kind = 'skill';
  UPDATE record SET name = NULL WHERE name IS NOT NULL AND EXISTS (
    SELECT 1 FROM record AS first WHERE first.kind = record.kind AND first.name = record.name AND first.id < record.id
  );
  DELETE FROM record WHERE kind = 'skill-name';
  CREATE INDEX record_owner ON record (kind, owner, sort DESC, id) WHERE owner IS NOT NULL;
  CREATE INDEX record_shared ON record (kind, sort DESC, id) WHERE shared = 1;
  CREATE INDEX record_state ON record (kind, state, sort DESC, id) WHERE state IS NOT NULL;
  CREATE UNIQUE INDEX record_name ON record (kind, name) WHERE name IS NOT NULL;
  `,
  // Supports lists by parent: a project's sessions, or an environment's work items.
  `
  ALTER TABLE record ADD COLUMN parent TEXT;
  UPDATE record SET parent = doc ->> '$.projectId' WHERE kind = 'session';
  UPDATE record SET parent = doc ->> '$.environmentId' WHERE kind IN ('work-item', 'work-item-past');
  CREATE INDEX record_parent ON record (kind, parent, sort DESC, id) WHERE parent IS NOT NULL;
  `,
  // Automations and webhooks can also belong to projects.
  `
  UPDATE record SET parent = doc ->> '$.projectId' WHERE kind IN ('automation', 'webhook');
  `,
  // Supports lists by owner and state, or by project and state.
  `
  CREATE INDEX record_owner_state ON record (kind, owner, state, sort DESC, id)
  WHERE owner IS NOT NULL AND state IS NOT NULL;
  CREATE INDEX record_parent_state ON record (kind, parent, state, sort DESC, id)
  WHERE parent IS NOT NULL AND state IS NOT NULL;
  `,
  // `copied`: seq of a fork's last copied event.
  `
  DROP INDEX event_usage;
  CREATE INDEX event_usage ON event (
    at, type, json_extract(fact, '$.data.model'), json_extract(fact, '$.data.inputTokens'),
    json_extract(fact, '$.data.cachedTokens'), json_extract(fact, '$.data.outputTokens'), json_extract(fact, '$.data.cost')
  ) WHERE type = 'usage';
  ALTER TABLE record ADD COLUMN copied INTEGER;
  UPDATE record SET copied = doc ->> '$.forkedFrom.seq' WHERE kind = 'session' AND doc LIKE '%"forkedFrom":{%';
  CREATE INDEX record_usage ON record (id, kind, owner, parent, state, copied) WHERE kind = 'session';
  `,
  `
  DROP INDEX event_message;
  CREATE INDEX event_message ON event (session, seq, type) WHERE type IN ('message.user', 'message.assistant');
  `,
  // Separate tables for searches and usage totals, because SQLite reads a table's rows even if an index on expressions
  // contains all the values.
  `
  CREATE TABLE message (
    session TEXT NOT NULL, seq INTEGER NOT NULL, text ANY, PRIMARY KEY (session, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER message_added AFTER INSERT ON event WHEN new.type IN ('message.user', 'message.assistant') BEGIN
    INSERT INTO message VALUES (new.session, new.seq, new.fact ->> '$.data.text');
  END;
  CREATE TRIGGER message_removed AFTER DELETE ON event WHEN old.type IN ('message.user', 'message.assistant') BEGIN
    DELETE FROM message WHERE session = old.session AND seq = old.seq;
  END;
  INSERT INTO message SELECT session, seq, fact ->> '$.data.text' FROM event INDEXED BY event_message
  WHERE type IN ('message.user', 'message.assistant');
  DROP INDEX event_message;

  CREATE TABLE usage (
    at INTEGER NOT NULL, session TEXT NOT NULL, seq INTEGER NOT NULL,
    model ANY, input ANY, cached ANY, output ANY, cost ANY, PRIMARY KEY (at, session, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER usage_added AFTER INSERT ON event WHEN new.type = 'usage' BEGIN
    INSERT INTO usage VALUES (
      new.at, new.session, new.seq, new.fact ->> '$.data.model', new.fact ->> '$.data.inputTokens',
      new.fact ->> '$.data.cachedTokens', new.fact ->> '$.data.outputTokens', new.fact ->> '$.data.cost'
    );
  END;
  CREATE TRIGGER usage_removed AFTER DELETE ON event WHEN old.type = 'usage' BEGIN
    DELETE FROM usage WHERE at = old.at AND session = old.session AND seq = old.seq;
  END;
  INSERT INTO usage SELECT at, session, seq, fact ->> '$.data.model', fact ->> '$.data.inputTokens',
    fact ->> '$.data.cachedTokens', fact ->> '$.data.outputTokens', fact ->> '$.data.cost'
  FROM event WHERE type = 'usage';
  DROP INDEX event_usage;

  ALTER TABLE record ADD COLUMN title TEXT;
  UPDATE record SET title = doc ->> '$.title' WHERE kind = 'session';
  DROP INDEX record_usage;
  CREATE INDEX record_usage ON record (id, kind, owner, parent, state, copied, title) WHERE kind = 'session';
  `,
];

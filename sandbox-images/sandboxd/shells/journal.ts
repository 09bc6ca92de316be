import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tryParseJson } from '../../../src/core/text/text.ts';
import type { OperationEntry } from '../../../src/sandboxes/client/client.ts';
import { tryReadText } from '../files/read-if-any.ts';

// Prevents an operation from running twice after a crash.

export interface JournalEntry {
  readonly operation: OperationEntry;
  readonly shell: string;
  readonly tag?: string;
  readonly ps1: string;
  /** The beginning of the command, shown in the console. */
  readonly command: string;
}
export interface Journal {
  all(): readonly JournalEntry[];
  get(id: string): JournalEntry | undefined;
  record(entry: JournalEntry): void;
  /** Epoch ms. */
  firstOf(tag: string): number | undefined;
}

const kept = 2_000;

export function openJournal(folder: string): Journal {
  const file = join(folder, 'journal.jsonl');
  const entries = new Map<string, JournalEntry>();
  for (const line of (tryReadText(file) ?? '').split('\n')) {
    // undefined for the empty last line, or a line cut off by a crash
    const entry = tryParseJson(line) as JournalEntry | undefined;
    if (entry) entries.set(entry.operation.id, entry);
  }
  let lines = Number.POSITIVE_INFINITY; // makes the first `record` call rewrite the file

  const rewrite = () => {
    const text = [...entries.values()].map((entry) => `${JSON.stringify(entry)}\n`).join('');
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
    lines = entries.size;
  };

  return {
    all: () => [...entries.values()],
    get: (id) => entries.get(id),
    firstOf: (tag) => entries.values().find((entry) => entry.tag === tag)?.operation.startedAt,
    record(entry) {
      entries.set(entry.operation.id, entry);
      for (const [id, { operation }] of entries) {
        if (entries.size <= kept) break;
        if (operation.state === 'exited') entries.delete(id);
      }
      try {
        if (lines > 3 * kept) rewrite();
        else appendFileSync(file, `${JSON.stringify(entry)}\n`);
        lines++;
      } catch (cause) {
        // If the disk is full, the record exists only in memory.
        process.stderr.write(`sandboxd: the journal could not be written: ${cause}\n`);
      }
    },
  };
}

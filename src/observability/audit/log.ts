import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import { findLatestAuditPosition, formatAuditFileName, listAuditFiles, readFileSize } from './files.ts';
import { type AuditEntry, type AuditKey, type AuditPosition, sealAuditRow } from './row.ts';

/** Append-only. Each row's MAC covers the previous row, so later changes are detected. */
export interface AuditLog extends Disposable {
  /** Writes synchronously. Never throws: a later row reports the number of failed writes. */
  write(entry: AuditEntry): void;
  readonly head: AuditPosition;
}
export interface AuditOptions {
  readonly folder: string;
  readonly key: AuditKey;
  readonly clock: Clock;
  /** A name that no other process ever uses. */
  readonly process: string;
  readonly maxBytes: number;
  readonly scrub: (text: string) => string;
  readonly warn: (error: unknown, text: string) => void;
  /** Called when a file is full, and at shutdown. A stored copy of the head reveals a later truncation of the log. */
  readonly onHead: (head: AuditPosition) => void;
}

const parts = 8; // a file is full at 1/8 of `maxBytes`
const leastPart = 4_096;
const maxTarget = 200;
const warnEveryMs = 60_000;
const own = (action: string, detail?: Record<string, string | number>): AuditEntry => ({
  action,
  outcome: 'done',
  by: 'server',
  ...(detail && { detail }),
});

/** Throws: invalid_request (the folder is not writable). */
export function openAuditLog(options: AuditOptions): AuditLog {
  try {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    return new Files(options);
  } catch (cause) {
    const text = `The audit log cannot be kept in ${options.folder}: ${(cause as Error).message}.`;
    throw new AppError('invalid_request', `${text} Set CORRAL_AUDIT_ENABLED=false to run without one.`, { cause });
  }
}

class Files implements AuditLog {
  readonly #options: AuditOptions;
  readonly #since: number;
  #part = 0;
  #rows = 0;
  #lost = 0;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #fd = -1;
  #size = 0;
  #head: AuditPosition = { file: '', mac: '' };

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#since = options.clock.now();
    this.#begin(findLatestAuditPosition(options.folder));
  }

  get head(): AuditPosition {
    return this.#head;
  }

  write({ target, ...entry }: AuditEntry): void {
    if (this.#lost > 0 && this.#add(own('audit.lost', { rows: this.#lost }))) this.#lost = 0;
    const row = { ...entry, ...(target !== undefined && { target: target.slice(0, maxTarget) }) };
    if (this.#lost > 0 || !this.#add(row)) this.#lost += 1;
    if (this.#size < Math.max(leastPart, this.#options.maxBytes / parts)) return;
    try {
      this.#turn();
    } catch (thrown) {
      this.#complain(thrown); // the log continues in the current file
    }
  }

  [Symbol.dispose](): void {
    this.#add(own('audit.end'));
    closeSync(this.#fd);
    this.#fd = -1; // the system may reuse the descriptor for another file
    this.#options.onHead(this.#head);
  }

  #add(entry: AuditEntry): boolean {
    try {
      this.#append(entry);
      return true;
    } catch (thrown) {
      this.#complain(thrown);
      return false;
    }
  }

  #append(entry: AuditEntry): void {
    const { clock, key, scrub } = this.#options;
    const row = { n: this.#rows + 1, at: new Date(clock.now()).toISOString(), ...entry };
    const { line, mac } = sealAuditRow(JSON.parse(scrub(JSON.stringify(row))), this.#head.mac, key);
    const bytes = Buffer.from(line);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    } catch (thrown) {
      ftruncateSync(this.#fd, this.#size);
      throw thrown;
    }
    this.#size += bytes.length;
    this.#rows += 1;
    this.#head = { ...this.#head, mac };
  }

  #begin(before: AuditPosition | undefined): void {
    const { folder, key, process } = this.#options;
    const file = formatAuditFileName(this.#since, process, this.#part);
    const [fd, size, head] = [this.#fd, this.#size, this.#head];
    this.#fd = openSync(join(folder, file), 'ax', 0o600);
    this.#size = 0;
    this.#head = { file, mac: '' };
    try {
      this.#append(own('audit.begin', { key: key.id, ...(before && { file: before.file, mac: before.mac }) }));
    } catch (thrown) {
      closeSync(this.#fd);
      rmSync(join(folder, file), { force: true });
      [this.#fd, this.#size, this.#head] = [fd, size, head];
      throw thrown;
    }
    this.#part += 1;
    if (fd >= 0) closeSync(fd);
  }

  #turn(): void {
    const { folder, maxBytes, onHead } = this.#options;
    const full = this.#head;
    this.#begin(full);
    onHead(full);
    const files = listAuditFiles(folder);
    let bytes = files.reduce((sum, file) => sum + readFileSize(folder, file), 0);
    for (const file of files) {
      if (bytes <= maxBytes - maxBytes / parts || file === this.#head.file) return; // leaves room for the new file
      bytes -= readFileSize(folder, file);
      rmSync(join(folder, file));
    }
  }

  #complain(thrown: unknown): void {
    const now = this.#options.clock.now();
    if (now - this.#warnedAt < warnEveryMs) return;
    this.#warnedAt = now;
    this.#options.warn(thrown, 'the audit log could not be written; the missing rows are counted');
  }
}

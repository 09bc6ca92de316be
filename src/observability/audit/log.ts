import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { AppError } from '../../core/errors.ts';
import { auditFile, auditFiles, newestPlace, sizeOf } from './files.ts';
import { type AuditEntry, type AuditKey, type AuditPlace, sealRow } from './row.ts';

/** Who did what. Rows are only ever added; each seals all before it, so that a change of one shows. */
export interface AuditLog extends Disposable {
  /** In the file when it returns. What cannot be written is counted, and a row says how many were not. */
  write(entry: AuditEntry): void;
  /** The newest row. */
  readonly head: AuditPlace;
}
export interface AuditOptions {
  readonly folder: string;
  readonly key: AuditKey;
  readonly clock: Clock;
  /** Unique to this process's life. */
  readonly process: string;
  /** For all files together: beyond that the oldest go. */
  readonly maxBytes: number;
  /** Masks what must not be written, should it be in a row after all. */
  readonly scrub: (text: string) => string;
  readonly warn: (error: unknown, text: string) => void;
  /** Told where the log stands when a file is full, and at the end: what is kept elsewhere shows that its end is cut off. */
  readonly onHead: (head: AuditPlace) => void;
}

const parts = 8; // so much of the whole a file may be
const leastPart = 4_096;
const maxTarget = 200;
const warnEveryMs = 60_000;
const own = (action: string, detail?: Record<string, string | number>): AuditEntry => ({
  action,
  outcome: 'done',
  by: 'server',
  ...(detail && { detail }),
});

/** Throws: invalid_request, where its folder cannot be written to. */
export function auditLog(options: AuditOptions): AuditLog {
  try {
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    return new Files(options);
  } catch (cause) {
    const text = `The audit log cannot be kept in ${options.folder}: ${(cause as Error).message}.`;
    throw new AppError('invalid_request', `${text} CORRAL_AUDIT_ENABLED=false goes without one.`, { cause });
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
  #head: AuditPlace = { file: '', mac: '' };

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#since = options.clock.now();
    this.#begin(newestPlace(options.folder));
  }

  get head(): AuditPlace {
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
      this.#complain(thrown); // it goes on where it is
    }
  }

  [Symbol.dispose](): void {
    this.#add(own('audit.end'));
    closeSync(this.#fd);
    this.#fd = -1; // the number may be another file's soon
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
    const { line, mac } = sealRow(JSON.parse(scrub(JSON.stringify(row))), this.#head.mac, key);
    const bytes = Buffer.from(line);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    } catch (thrown) {
      ftruncateSync(this.#fd, this.#size); // no half of a row before the next
      throw thrown;
    }
    this.#size += bytes.length;
    this.#rows += 1;
    this.#head = { ...this.#head, mac };
  }

  /** A file's first row says what key it is sealed with, and which row was the last before it. */
  #begin(before: AuditPlace | undefined): void {
    const { folder, key, process } = this.#options;
    const file = auditFile(this.#since, process, this.#part);
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
    const files = auditFiles(folder);
    let bytes = files.reduce((sum, file) => sum + sizeOf(folder, file), 0);
    for (const file of files) {
      if (bytes <= maxBytes - maxBytes / parts || file === this.#head.file) return; // room for the file that begins now
      bytes -= sizeOf(folder, file);
      rmSync(join(folder, file));
    }
  }

  #complain(thrown: unknown): void {
    const now = this.#options.clock.now();
    if (now - this.#warnedAt < warnEveryMs) return;
    this.#warnedAt = now;
    this.#options.warn(thrown, 'the audit log could not be written; what is missing is counted');
  }
}

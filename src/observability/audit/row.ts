import { createHash, createHmac } from 'node:crypto';
import type { Secret } from '../../core/secret.ts';

/** Something that somebody did, or tried to. Never what was said, written or shown, and never a credential. */
export interface AuditEntry {
  /** Such as `session.delete`. */
  readonly action: string;
  /** The id of what it was done to. */
  readonly target?: string | undefined;
  /** `done`, or the code of the error that it ended with. */
  readonly outcome: string;
  /** Which kind of credential was shown: `open` where none is needed. */
  readonly by: 'key' | 'token' | 'open' | 'nobody' | 'server' | 'command';
  /** The id of the key. */
  readonly key?: string | undefined;
  readonly role?: string | undefined;
  readonly address?: string | undefined;
  /** The id of the request, as the access log has it. */
  readonly request?: string | undefined;
  readonly detail?: Readonly<Record<string, string | number>>;
}
/** Where a row stands: its file, and the MAC that stands in it and in no other. */
export interface AuditPlace {
  readonly file: string;
  readonly mac: string;
}

/** What rows are sealed with. Made of a secret that serves another purpose too, which it does not harm. */
export interface AuditKey {
  /** Tells which secret it was, and nothing of that. */
  readonly id: string;
  mac(before: string, text: string): string;
}
export function auditKey(secret: Secret): AuditKey {
  const key = createHmac('sha256', secret.reveal()).update('corral audit log').digest();
  return {
    id: createHash('sha256').update(key).digest('hex').slice(0, 8),
    mac: (before, text) => createHmac('sha256', key).update(before).update('\n').update(text).digest('base64url'),
  };
}

/** A row as a line: its JSON, and behind it the MAC of that and of the MAC before. */
export function sealRow(row: object, before: string, key: AuditKey): { line: string; mac: string } {
  const text = JSON.stringify(row);
  const mac = key.mac(before, text);
  return { line: `${text.slice(0, -1)},"mac":"${mac}"}\n`, mac };
}

const sealed = /^(\{.*),"mac":"([\w-]{43})"\}$/;

/** Undefined: it is no such line. Whether its MAC is right is another question. */
export function openRow(line: string): { row: Record<string, unknown>; text: string; mac: string } | undefined {
  const [, json, mac] = sealed.exec(line) ?? [];
  if (json === undefined || mac === undefined) return undefined;
  const text = `${json}}`;
  try {
    return { row: JSON.parse(text) as Record<string, unknown>, text, mac };
  } catch {
    return undefined;
  }
}

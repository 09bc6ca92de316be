import { createHash, createHmac } from 'node:crypto';
import type { Secret } from '../../core/text/secret.ts';

/** Contains no messages, file contents or credentials. */
export interface AuditEntry {
  readonly action: string;
  readonly target?: string | undefined;
  /** `done`, or the error code. */
  readonly outcome: string;
  /** The kind of credential. `open`: none is required. `nobody`: none was valid. `server`, `command`: Corral itself. */
  readonly by:
    | 'key'
    | 'person'
    | 'token'
    | 'open'
    | 'nobody'
    | 'server'
    | 'command'
    | 'sandbox token'
    | 'environment key'
    | 'preview';
  readonly key?: string | undefined;
  readonly role?: string | undefined;
  readonly address?: string | undefined;
  readonly request?: string | undefined;
  readonly detail?: Readonly<Record<string, string | number>>;
}
export interface AuditPosition {
  readonly file: string;
  readonly mac: string;
}

export interface AuditKey {
  readonly id: string;
  mac(before: string, text: string): string;
}
export function deriveAuditKey(secret: Secret): AuditKey {
  const key = createHmac('sha256', secret.reveal()).update('corral audit log').digest();
  return {
    id: createHash('sha256').update(key).digest('hex').slice(0, 8),
    mac: (before, text) => createHmac('sha256', key).update(before).update('\n').update(text).digest('base64url'),
  };
}

export function sealAuditRow(row: object, before: string, key: AuditKey): { line: string; mac: string } {
  const text = JSON.stringify(row);
  const mac = key.mac(before, text);
  return { line: `${text.slice(0, -1)},"mac":"${mac}"}\n`, mac };
}

const sealed = /^(\{.*),"mac":"([\w-]{43})"\}$/;

/** Does not check the MAC. */
export function parseAuditRow(line: string): { row: Record<string, unknown>; text: string; mac: string } | undefined {
  const [, json, mac] = sealed.exec(line) ?? [];
  if (json === undefined || mac === undefined) return undefined;
  const text = `${json}}`;
  try {
    return { row: JSON.parse(text) as Record<string, unknown>, text, mac };
  } catch {
    return undefined;
  }
}

import type { ServiceRules } from '../rules.ts';

/** A setting of the server that administrators change while it runs, and what is in force. */
export interface ServerSetting {
  /** The key in corral.yaml, such as `approvals.rules`. */
  readonly key: string;
  readonly section: string;
  readonly about: string;
  /** The values that it takes, in words. */
  readonly accepts: string;
  /** The variable that precedes what is stored, if somebody sets it. */
  readonly variable: string;
  /** How people enter it. */
  readonly form: { readonly kind: string; readonly options?: readonly string[]; readonly unit?: string };
  /** In force now; null: unset. */
  readonly value: unknown;
  /** Without a file, a variable or a stored value; null: unset. */
  readonly fallback: unknown;
  readonly from: 'settings' | 'page' | 'default';
  /** The variable or key of corral.yaml that precedes what is stored; null: none does. */
  readonly setBy: string | null;
  /** The stored value; null: none. */
  readonly stored: unknown;
}

/**
 * The settings that administrators change in the running server. Variables precede the file, the file precedes what is
 * stored here, and that precedes the default. A change counts at once on this server, and within seconds on the others of
 * its store.
 */
export interface SettingsService {
  list(): Promise<readonly ServerSetting[]>;
  /** Rejects: not_found (no such setting), invalid_request (not its kind of value; a file or a variable sets it), conflict. */
  change(key: string, value: unknown): Promise<ServerSetting>;
  /** Forgets the stored value. Rejects: not_found. */
  reset(key: string): Promise<ServerSetting>;
}

export const settingsRules: ServiceRules<SettingsService> = {
  list: { may: 'admin', audit: null },
  change: { may: 'admin', audit: 'setting.change' },
  reset: { may: 'admin', audit: 'setting.reset' },
};

import { z } from 'zod';
import type { ServiceRules } from '../rules.ts';

/** Everything that arrives is JSON. A schema of JSON refers to itself, which some generators of clients cannot express. */
export const JsonValue = z.unknown().refine((value) => value !== undefined, 'is missing');
/** A setting of the server that administrators change while it runs, and what is in force. */
export const ServerSetting = z.object({
  /** The key in corral.yaml, such as `approvals.rules`. */
  key: z.string(),
  section: z.string(),
  about: z.string(),
  /** The values that it takes, in words. */
  accepts: z.string(),
  /** The variable that precedes what is stored, if somebody sets it. */
  variable: z.string(),
  /** How people enter it. */
  form: z.object({
    kind: z.string(),
    options: z.array(z.string()).readonly().optional(),
    unit: z.string().optional(),
  }),
  /** In force now; null: unset. */
  value: JsonValue,
  /** Without a file, a variable or a stored value; null: unset. */
  fallback: JsonValue,
  from: z.enum(['settings', 'page', 'default']),
  /** The variable or key of corral.yaml that precedes what is stored; null: none does. */
  setBy: z.string().nullable(),
  /** The stored value; null: none. */
  stored: JsonValue,
});
export type ServerSetting = z.infer<typeof ServerSetting>;

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

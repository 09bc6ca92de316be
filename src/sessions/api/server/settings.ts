import { z } from 'zod';
import type { ServiceRules } from '../rules.ts';

/** Any JSON value. A recursive JSON schema would break some client generators. */
export const JsonValue = z.unknown().refine((value) => value !== undefined, 'is missing');
export const ServerSetting = z.object({
  /** The key in corral.yaml, such as `approvals.rules`. */
  key: z.string(),
  section: z.string(),
  about: z.string(),
  accepts: z.string(),
  /** Environment variable that overrides the stored value. */
  variable: z.string(),
  form: z.object({
    kind: z.string(),
    options: z.array(z.string()).readonly().optional(),
    unit: z.string().optional(),
  }),
  value: JsonValue,
  fallback: JsonValue,
  from: z.enum(['settings', 'page', 'default']),
  /** The variable or corral.yaml key that overrides the stored value, or null. */
  setBy: z.string().nullable(),
  stored: JsonValue,
});
export type ServerSetting = z.infer<typeof ServerSetting>;

/** Precedence: environment variables, the file, stored values, defaults. Changes reach other servers within seconds. */
export interface SettingsService {
  list(): Promise<readonly ServerSetting[]>;
  /** Rejects: not_found, invalid_request (an invalid value, or the file or a variable sets the key). */
  change(key: string, value: unknown): Promise<ServerSetting>;
  /** Deletes the stored value. Rejects: not_found. */
  reset(key: string): Promise<ServerSetting>;
}

export const settingsRules: ServiceRules<SettingsService> = {
  list: { may: 'admin', audit: null },
  change: { may: 'admin', audit: 'setting.change' },
  reset: { may: 'admin', audit: 'setting.reset' },
};

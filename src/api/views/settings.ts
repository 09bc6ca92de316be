import { z } from 'zod';

// The settings that administrators change in the running server, as clients see and change them.

export const ServerSetting = z.object({
  /** The key in corral.yaml, such as `approvals.rules`. */
  key: z.string(),
  section: z.string(),
  about: z.string(),
  /** The values that it takes, in words. */
  accepts: z.string(),
  /** The variable that would precede what is stored. */
  variable: z.string(),
  form: z.object({
    kind: z.string(),
    options: z.array(z.string()).readonly().optional(),
    unit: z.string().optional(),
  }),
  /** In force now; null: unset. */
  value: z.json(),
  /** Where nothing is set or stored; null: unset. */
  fallback: z.json(),
  from: z.enum(['settings', 'page', 'default']),
  /** The variable or the key of corral.yaml that precedes what is stored; null: none does. */
  setBy: z.string().nullable(),
  /** The stored value; null: none is. */
  stored: z.json(),
});
export const ServerSettings = z.object({ settings: z.array(ServerSetting).readonly() });
export const SettingKeyInput = z.strictObject({ key: z.string().min(1).max(100) });
export const SettingValueInput = z.strictObject({ value: z.json() });
export const ChangeSettingInput = z.strictObject({ ...SettingKeyInput.shape, ...SettingValueInput.shape });

/** Stored values and defaults are JSON by their schemas. */
export const asJson = (given: unknown): z.output<typeof ServerSetting> => given as z.output<typeof ServerSetting>;

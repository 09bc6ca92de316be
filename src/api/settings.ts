import { z } from 'zod';
import { defineOperations, router } from './procedure/procedure.ts';

// The settings that administrators change in the running server, as clients see and change them.

/** Everything that arrives is JSON. A schema of JSON refers to itself, which some generators of clients cannot express. */
const JsonValue = z.unknown().refine((value) => value !== undefined, 'is missing');
const ServerSetting = z.object({
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
  value: JsonValue,
  /** Where nothing is set or stored; null: unset. */
  fallback: JsonValue,
  from: z.enum(['settings', 'page', 'default']),
  /** The variable or the key of corral.yaml that precedes what is stored; null: none does. */
  setBy: z.string().nullable(),
  /** The stored value; null: none. */
  stored: JsonValue,
});
const ServerSettings = z.object({ settings: z.array(ServerSetting).readonly() });
const SettingKeyInput = z.strictObject({ key: z.string().min(1).max(100) });
const SettingValueInput = z.strictObject({ value: JsonValue });
const ChangeSettingInput = z.strictObject({ ...SettingKeyInput.shape, ...SettingValueInput.shape });

/** Stored values and defaults are JSON by their schemas. */
const asJson = (input: unknown): z.output<typeof ServerSetting> => input as z.output<typeof ServerSetting>;

const rules = [{ action: 'deny' as const, tool: 'shell_exec', pattern: 'git push *' }];
const example: z.output<typeof ServerSetting> = {
  key: 'approvals.rules',
  section: 'approvals',
  about: 'rules that allow, ask about or deny calls by tool and pattern',
  accepts: 'a list of rules, each with action (allow, ask or deny), tool, and pattern',
  variable: 'CORRAL_APPROVALS_RULES',
  form: { kind: 'rules' },
  value: rules,
  fallback: [],
  from: 'page',
  setBy: null,
  stored: rules,
};
const forAdmins = 'For the role admin.';

const operation = defineOperations({ tag: 'Server', prefix: '', style: 'server' });
const base = '/api/v1/server-settings';

export const settingsRouter = router({
  list: operation({
    rest: `GET ${base}`,
    id: 'settings',
    summary: 'The settings that can be changed while the server runs, and what is in force',
    description: forAdmins,
    may: 'admin',
    out: ServerSettings,
    answer: { settings: [example] },
    fails: [401, 403],
  }).query(async ({ ctx }) => ({ settings: (await ctx.services.settings.list()).map(asJson) })),
  change: operation({
    rest: `PUT ${base}/:key`,
    id: 'changeSetting',
    summary: 'Store the value of a setting, in the form of corral.yaml as JSON',
    description: `${forAdmins} It counts at once. Variables and corral.yaml precede it.`,
    may: 'admin',
    in: ChangeSettingInput,
    out: ServerSetting,
    example: { value: rules },
    answer: example,
    fails: [400, 401, 403, 404, 409, 413, 422],
  }).mutation(async ({ ctx, input: { key, value } }) => asJson(await ctx.services.settings.change(key, value))),
  reset: operation({
    rest: `DELETE ${base}/:key`,
    id: 'resetSetting',
    summary: 'Forget the stored value of a setting',
    description: forAdmins,
    may: 'admin',
    in: SettingKeyInput,
    out: ServerSetting,
    answer: { ...example, value: [], from: 'default', stored: null },
    fails: [401, 403, 404, 409],
  }).mutation(async ({ ctx, input }) => asJson(await ctx.services.settings.reset(input.key))),
});

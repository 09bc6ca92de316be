import { z } from 'zod';
import { JsonValue, ServerSetting } from '../sessions/api/server/settings.ts';
import { defineOperations, router } from './procedure/procedure.ts';

const ServerSettings = z.object({ settings: z.array(ServerSetting).readonly() });
const SettingKeyInput = z.strictObject({ key: z.string().min(1).max(100) });
const SettingValueInput = z.strictObject({ value: JsonValue });
const ChangeSettingInput = z.strictObject({ ...SettingKeyInput.shape, ...SettingValueInput.shape });

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
    summary: 'The settings that can be changed while the server runs, and their effective values',
    description: forAdmins,
    may: 'admin',
    out: ServerSettings,
    answer: { settings: [example] },
    fails: [401, 403],
  }).query(async ({ ctx }) => ({ settings: await ctx.services.settings.list() })),
  change: operation({
    rest: `PUT ${base}/:key`,
    id: 'changeSetting',
    summary: 'Store the value of a setting, in the form of corral.yaml as JSON',
    description: `${forAdmins} It applies immediately. Variables and corral.yaml take precedence.`,
    may: 'admin',
    in: ChangeSettingInput,
    out: ServerSetting,
    example: { value: rules },
    answer: example,
    fails: [400, 401, 403, 404, 409, 413, 422],
  }).mutation(async ({ ctx, input: { key, value } }) => await ctx.services.settings.change(key, value)),
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
  }).mutation(async ({ ctx, input }) => await ctx.services.settings.reset(input.key)),
});

import type { z } from 'zod';
import { asJson, ServerSetting, ServerSettings, SettingKeyInput, SettingValueInput } from '../../api/views/settings.ts';
import { ok } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import type { Services } from '../../sessions/api/services.ts';
import { about } from './about.ts';

const base = '/api/v1/server-settings';
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

/** The settings that administrators change in the running server. */
export function mountSettings(app: App, settings: Services['settings']): void {
  app.get(
    base,
    {
      schema: { response: { 200: ok(ServerSettings, { settings: [example] }) } },
      config: {
        doc: about('settings', 'The settings that can be changed while the server runs, and what is in force', {
          description: forAdmins,
          fails: [401, 403],
        }),
        least: 'admin',
      },
    },
    async () => ({ settings: (await settings.list()).map(asJson) }),
  );
  app.put(
    `${base}/:key`,
    {
      schema: { params: SettingKeyInput, body: SettingValueInput, response: { 200: ok(ServerSetting, example) } },
      config: {
        doc: about('changeSetting', 'Store the value of a setting, in the form of corral.yaml as JSON', {
          description: `${forAdmins} It counts at once. Variables and corral.yaml precede it.`,
          bodyExample: { value: rules },
          fails: [400, 401, 403, 404, 409, 413, 422],
        }),
        least: 'admin',
      },
    },
    async ({ params, body }) => asJson(await settings.change(params.key, body.value)),
  );
  app.delete(
    `${base}/:key`,
    {
      schema: {
        params: SettingKeyInput,
        response: { 200: ok(ServerSetting, { ...example, value: [], from: 'default', stored: null }) },
      },
      config: {
        doc: about('resetSetting', 'Forget the stored value of a setting', {
          description: forAdmins,
          fails: [401, 403, 404, 409],
        }),
        least: 'admin',
      },
    },
    async ({ params }) => asJson(await settings.reset(params.key)),
  );
}

import { z } from 'zod';
import { BudgetChange, SharedBudget } from '../../api/views/budgets.ts';
import { ok } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import type { Services } from '../../sessions/api/services.ts';
import { about } from './about.ts';

const none = { limit: null, own: null, used: 0, reserved: 0 };
const example: z.output<typeof SharedBudget> = {
  of: 'person',
  id: '0123456789ab',
  name: 'Ada',
  tokensPerDay: { limit: 2_000_000, own: 2_000_000, used: 412_000, reserved: 36_000 },
  costPerDay: { ...none, used: 0.8 },
  toolCallsPerDay: { limit: 500, own: null, used: 61, reserved: 0 },
  tokensPerMonth: { ...none, used: 5_120_000, reserved: 36_000 },
  costPerMonth: { limit: 100, own: null, used: 11.4, reserved: 0.1 },
  toolCallsPerMonth: { ...none, used: 61 },
};

/** Mounts the budgets of people and projects. */
export function mountBudgets(app: App, budgets: Services['budgets']): void {
  app.get(
    '/api/v1/budgets',
    {
      schema: { response: { 200: ok(z.array(SharedBudget), [example]) } },
      config: {
        doc: about('budgets', 'What people and projects may use in a day and in a month, and what is used', {
          description:
            'A caller sees its own budget and those of projects that it sees; the role admin sees all. Days and months are in UTC.',
          fails: [401],
        }),
      },
    },
    async () => [...(await budgets.list())],
  );
  app.patch(
    '/api/v1/budgets',
    {
      schema: { body: BudgetChange, response: { 200: ok(SharedBudget, example) } },
      config: {
        doc: about('changeBudget', 'Give a person or a project limits of its own', {
          description:
            'For the role admin. The empty id stands for sessions without an owner. A limit that is left out stays; `null` means as the settings say, `unlimited` none at all. Runs that wait for room go on by themselves.',
          bodyExample: { of: 'person', id: '', tokensPerDay: 2_000_000 },
          fails: [400, 401, 403, 404, 413, 422],
        }),
        least: 'admin',
      },
    },
    async ({ body: { of, id, ...limits } }) => await budgets.change({ of, id }, limits),
  );
}

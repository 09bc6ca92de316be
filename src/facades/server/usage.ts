import type { z } from 'zod';
import { UsageInput, UsageReport } from '../../api/views/usage.ts';
import { ok } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import type { Services } from '../../sessions/api/services.ts';
import { about } from './about.ts';

const total = { turns: 12, inputTokens: 48_000, cachedTokens: 30_000, outputTokens: 5_200, cost: 0.42, unpriced: 0 };
const example: z.output<typeof UsageReport> = {
  total,
  groups: [{ id: 'openai/gpt-5-mini', name: 'openai/gpt-5-mini', ...total }],
  days: [{ day: '2026-11-24', ...total }],
};

/** Mounts the report of usage over days. */
export function mountUsage(app: App, usage: Services['usage']): void {
  app.get(
    '/api/v1/usage',
    {
      schema: { querystring: UsageInput, response: { 200: ok(UsageReport, example) } },
      config: {
        doc: about('usage', 'Tokens, turns and cost over days, by person, model, project, session or day', {
          description:
            'Counts the sessions that the caller owns; for the role admin all. Days are in UTC, at most 366. A deleted session counts no more.',
          fails: [400, 401, 422],
        }),
      },
    },
    async ({ query }) => await usage.report(query),
  );
}

import { parseBodyFields, parseIdentifier } from '../server/body-fields.ts';
import { checkArguments, parseSignal, parseTerminalSize, type Route, rejectWithoutUpgrade } from '../server/route.ts';

export const jobRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/jobs',
    async handle({ daemon, json }) {
      const { cols, rows, ...job } = parseBodyFields(await json(), {
        ...({ id: 'name', argv: 'names', cwd: 'name?', env: 'names?', label: 'name?', tag: 'name?' } as const),
        ...({ cols: 'count?', rows: 'count?', input: 'flag?' } as const),
      });
      parseIdentifier('id', job.id);
      checkArguments(job);
      const terminal = cols === undefined && rows === undefined ? undefined : parseTerminalSize({ cols, rows });
      return { json: await daemon.startJob({ ...job, ...(terminal && { terminal }) }) };
    },
  },
  { method: 'GET', path: '/jobs', handle: async ({ daemon }) => ({ json: daemon.jobs() }) },
  {
    method: 'GET',
    path: '/jobs/{id}/stream',
    stream: (daemon, params) => daemon.attachJob(params.id ?? ''),
    handle: rejectWithoutUpgrade,
  },
  {
    method: 'POST',
    path: '/jobs/{id}/input',
    handle: async ({ daemon, params, raw }) => void (await daemon.writeJob(params.id ?? '', raw)),
  },
  {
    method: 'DELETE',
    path: '/jobs/{id}/input',
    handle: async ({ daemon, params }) => void (await daemon.endJobInput(params.id ?? '')),
  },
  {
    method: 'POST',
    path: '/jobs/{id}/size',
    handle: async ({ daemon, params, json }) =>
      void (await daemon.resizeJob(params.id ?? '', parseTerminalSize(await json()))),
  },
  {
    method: 'POST',
    path: '/jobs/{id}/signal',
    handle: async ({ daemon, params, json }) =>
      void (await daemon.signalJob(params.id ?? '', parseSignal(await json()))),
  },
];

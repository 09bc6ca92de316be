import { AppError } from '../../../src/core/errors/errors.ts';
import { type Daemon, daemonLimits } from '../daemon.ts';
import { jobRoutes } from '../jobs/routes.ts';
import { pathRoutes } from '../paths/routes.ts';
import { portRoutes } from '../ports/routes.ts';
import { watchRoutes } from '../watches/routes.ts';
import { workspaceRoutes } from '../workspace/routes.ts';
import {
  createBadRequestError,
  parseBodyFields,
  parseFilePart,
  parseIdentifier,
  readCountParameter,
  readRequiredParameter,
} from './body-fields.ts';
import {
  checkArguments,
  parseSignal,
  parseTerminalSize,
  type Route,
  rejectWithoutUpgrade,
  toFileReply,
} from './route.ts';

/** In the order of docs/sandboxd.openapi.json; a test compares the two. */
export const daemonRoutes: readonly Route[] = [
  { method: 'GET', path: '/health', quiet: true, handle: async ({ daemon }) => ({ json: daemon.health() }) },
  { method: 'GET', path: '/usage', quiet: true, handle: async ({ daemon }) => ({ json: daemon.usage() }) },
  {
    method: 'POST',
    path: '/operations',
    async handle({ daemon, json }) {
      const request = parseBodyFields(await json(), {
        id: 'name',
        shell: 'name',
        command: 'name',
        cwd: 'name?',
        tag: 'name?',
        timeoutMs: 'count?',
        fresh: 'flag?',
      });
      parseIdentifier('id', request.id);
      parseIdentifier('shell', request.shell);
      return { json: await daemon.start(request) };
    },
  },
  {
    method: 'GET',
    path: '/operations/{id}',
    handle: async ({ daemon, params }) => ({ json: known(daemon, params.id ?? '') }),
  },
  {
    method: 'GET',
    path: '/operations/{id}/output',
    async handle({ daemon, params, query, signal }) {
      const { id } = known(daemon, params.id ?? '');
      const chunks = daemon.output(id, readCountParameter(query, 'from') ?? 0, signal);
      return { chunks, trailer: { name: 'corral-operation', value: () => JSON.stringify(daemon.operation(id)) } };
    },
  },
  {
    method: 'GET',
    path: '/shells/{id}',
    handle: async ({ daemon, params, query }) => ({
      json: await daemon.view(params.id ?? '', readCountParameter(query, 'chars')),
    }),
  },
  {
    method: 'POST',
    path: '/shells/{id}/input',
    async handle({ daemon, params, json }) {
      await daemon.write(params.id ?? '', parseBodyFields(await json(), { text: 'text' }).text);
    },
  },
  {
    method: 'POST',
    path: '/shells/{id}/kill',
    handle: async ({ daemon, params }) => void (await daemon.kill(params.id ?? '')),
  },
  {
    method: 'POST',
    path: '/kill',
    async handle({ daemon, json, query }) {
      const { tag } = parseBodyFields(await json(), { tag: 'name' });
      if (tag === '') throw createBadRequestError('tag must not be empty.');
      const shells = query.getAll('shell');
      const killed = await daemon.killTagged(tag);
      if (shells.length === 0) return { json: { killed } };
      const chars = readCountParameter(query, 'chars');
      const views = await Promise.all(shells.map((shell) => daemon.view(shell, chars).catch(() => undefined)));
      return { json: { killed, shells: views.filter((view) => view !== undefined) } };
    },
  },
  {
    method: 'POST',
    path: '/exec',
    async handle({ daemon, json, signal }) {
      const spec = { command: 'name', cwd: 'name?', timeoutMs: 'count?', tag: 'name?', stdin: 'text?' } as const;
      return { json: await daemon.exec(parseBodyFields(await json(), spec), signal) };
    },
  },
  {
    method: 'GET',
    path: '/files/content',
    handle: async ({ daemon, query }) =>
      toFileReply(await daemon.openFile(readRequiredParameter(query, 'path'), readCountParameter(query, 'maxBytes'))),
  },
  {
    method: 'PUT',
    path: '/files/content',
    async handle({ daemon, query, raw }) {
      const how = query.has('append') ? 'append' : 'replace';
      await daemon.writeFile(readRequiredParameter(query, 'path'), capped(raw), how);
      return undefined;
    },
  },
  {
    method: 'DELETE',
    path: '/files/content',
    handle: async ({ daemon, query }) => void (await daemon.removeFile(readRequiredParameter(query, 'path'))),
  },
  {
    method: 'GET',
    path: '/files/stream',
    handle: async ({ daemon, query }) =>
      toFileReply(await daemon.sendFile(readRequiredParameter(query, 'path'), parseFilePart(query))),
  },
  {
    method: 'PUT',
    path: '/files/stream',
    handle: async ({ daemon, query, raw }) => ({
      json: await daemon.receiveFile(readRequiredParameter(query, 'path'), raw, query.get('replaces') ?? undefined),
    }),
  },
  {
    method: 'GET',
    path: '/files/list',
    handle: async ({ daemon, query }) => ({ json: await daemon.listFiles(readRequiredParameter(query, 'path')) }),
  },
  {
    method: 'GET',
    path: '/files/find',
    handle: async ({ daemon, query }) => ({
      json: await daemon.find(
        readRequiredParameter(query, 'path'),
        readRequiredParameter(query, 'glob'),
        query.getAll('type'),
      ),
    }),
  },
  {
    method: 'GET',
    path: '/files/grep',
    handle: async ({ daemon, query }) => ({
      json: await daemon.grep(
        readRequiredParameter(query, 'path'),
        readRequiredParameter(query, 'regex'),
        query.getAll('type'),
      ),
    }),
  },
  { method: 'GET', path: '/processes', handle: async ({ daemon }) => ({ json: await daemon.processes() }) },
  {
    method: 'POST',
    path: '/processes/{pid}/signal',
    async handle({ daemon, params, json }) {
      const signal = parseSignal(await json());
      const pid = /^[1-9]\d{0,9}$/.test(params.pid ?? '') ? Number(params.pid) : undefined;
      if (pid === undefined) throw createBadRequestError('pid must be a number.');
      await daemon.signalProcess(pid, signal);
      return undefined;
    },
  },
  {
    method: 'POST',
    path: '/terminals',
    async handle({ daemon, json }) {
      const { id } = parseBodyFields(await json(), { id: 'name' });
      return { json: await daemon.openTerminal(parseIdentifier('id', id)) };
    },
  },
  { method: 'GET', path: '/terminals', handle: async ({ daemon }) => ({ json: daemon.terminals() }) },
  {
    method: 'GET',
    path: '/terminals/{id}/stream',
    async handle({ daemon, params, signal }) {
      const { chunks, end } = daemon.readTerminal(params.id ?? '', signal);
      return { chunks, trailer: { name: 'corral-terminal', value: end } };
    },
  },
  {
    method: 'POST',
    path: '/terminals/{id}/input',
    async handle({ daemon, params, json }) {
      await daemon.typeTerminal(params.id ?? '', parseBodyFields(await json(), { text: 'text' }).text);
      return undefined;
    },
  },
  {
    method: 'GET',
    path: '/terminals/{id}/keyboard',
    stream: (daemon, params) => daemon.keyboard(params.id ?? ''),
    handle: rejectWithoutUpgrade,
  },
  {
    method: 'POST',
    path: '/terminals/{id}/size',
    async handle({ daemon, params, json }) {
      await daemon.resizeTerminal(params.id ?? '', parseTerminalSize(await json()));
      return undefined;
    },
  },
  {
    method: 'DELETE',
    path: '/terminals/{id}',
    handle: async ({ daemon, params }) => void (await daemon.closeTerminal(params.id ?? '')),
  },
  {
    method: 'POST',
    path: '/programs',
    async handle({ daemon, json }) {
      const request = parseBodyFields(await json(), {
        id: 'name',
        argv: 'names',
        cwd: 'name?',
        env: 'names?',
        tag: 'name?',
      });
      parseIdentifier('id', request.id);
      checkArguments(request);
      return { json: await daemon.openProgram(request) };
    },
  },
  { method: 'GET', path: '/programs', handle: async ({ daemon }) => ({ json: daemon.programs() }) },
  {
    method: 'GET',
    path: '/programs/{id}/stream',
    stream: (daemon, params) => daemon.attachProgram(params.id ?? ''),
    handle: rejectWithoutUpgrade,
  },
  {
    method: 'POST',
    path: '/programs/{id}/signal',
    async handle({ daemon, params, json }) {
      await daemon.signalProgram(params.id ?? '', parseSignal(await json()));
      return undefined;
    },
  },
  {
    method: 'DELETE',
    path: '/programs/{id}',
    handle: async ({ daemon, params }) => void (await daemon.closeProgram(params.id ?? '')),
  },
  ...jobRoutes,
  ...pathRoutes,
  ...workspaceRoutes,
  ...watchRoutes,
  ...portRoutes,
  {
    method: 'GET',
    path: '/desktop/status',
    quiet: true,
    handle: async ({ daemon }) => ({ json: daemon.desktop.status() }),
  },
  {
    method: 'POST',
    path: '/desktop/start',
    handle: async ({ daemon }) => ({ json: await daemon.desktop.start() }),
  },
  { method: 'POST', path: '/desktop/stop', handle: async ({ daemon }) => void (await daemon.desktop.stop()) },
  {
    method: 'POST',
    path: '/desktop/browser/restart',
    handle: async ({ daemon }) => void (await daemon.desktop.restartBrowser()),
  },
  {
    method: 'GET',
    path: '/desktop/screenshot',
    async handle({ daemon }) {
      const image = await daemon.desktop.screenshot();
      return { size: image.length, chunks: once(image) };
    },
  },
  {
    method: 'POST',
    path: '/desktop/act',
    handle: async ({ daemon, json }) => void (await daemon.desktop.act(await json())),
  },
  {
    method: 'GET',
    path: '/desktop/pointer',
    handle: async ({ daemon }) => ({ json: await daemon.desktop.pointer() }),
  },
  {
    method: 'GET',
    path: '/desktop/vnc',
    stream: (daemon) => daemon.desktop.vnc(),
    handle: rejectWithoutUpgrade,
  },
  {
    method: 'GET',
    path: '/desktop/watch',
    stream: (daemon) => daemon.desktop.watch(),
    handle: rejectWithoutUpgrade,
  },
  {
    method: 'GET',
    path: '/desktop/cdp',
    stream: (daemon) => daemon.desktop.cdp(),
    handle: rejectWithoutUpgrade,
  },
];

function known(daemon: Daemon, id: string) {
  const operation = daemon.operation(id);
  if (!operation) throw new AppError('not_found', `There is no operation ${id}.`);
  return operation;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* capped(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of content) {
    size += chunk.length;
    if (size > daemonLimits.fileBytes) throw new AppError('payload_too_large', 'The file is larger than 50 MiB.');
    yield chunk;
  }
}

import { AppError } from '../../../src/core/errors/errors.ts';
import { daemonLimits } from '../daemon.ts';
import { pathRoutes } from '../paths/routes.ts';
import {
  createBadRequestError,
  parseBodyFields,
  parseFilePart,
  parseIdentifier,
  readCountParameter,
  readPath,
  readRequiredParameter,
} from './body-fields.ts';
import {
  actionRoute,
  bytesRoute,
  checkArguments,
  fileRoute,
  type HttpExchange,
  jsonRoute,
  parseSignal,
  parseTerminalSize,
  type Route,
  streamRoute,
} from './route.ts';

/** A test checks that the order matches docs/sandboxd.openapi.json. */
export const daemonRoutes: readonly Route[] = [
  { ...jsonRoute('GET /health', ({ daemon }) => daemon.health()), quiet: true },
  { ...jsonRoute('GET /usage', ({ daemon }) => daemon.usage()), quiet: true },
  jsonRoute('POST /operations', async ({ daemon, json }) => {
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
    return await daemon.start(request);
  }),
  jsonRoute('GET /operations/{id}', known),
  bytesRoute('GET /operations/{id}/output', (exchange) => {
    const { daemon, query, signal } = exchange;
    const { id } = known(exchange);
    const chunks = daemon.output(id, readCountParameter(query, 'from') ?? 0, signal);
    return { chunks, trailer: { name: 'corral-operation', value: () => JSON.stringify(daemon.operation(id)) } };
  }),
  jsonRoute('GET /shells/{id}', ({ daemon, params, query }) =>
    daemon.view(params.id, readCountParameter(query, 'chars')),
  ),
  actionRoute('POST /shells/{id}/input', async ({ daemon, params, json }) =>
    daemon.write(params.id, parseBodyFields(await json(), { text: 'text' }).text),
  ),
  actionRoute('POST /shells/{id}/kill', ({ daemon, params }) => daemon.kill(params.id)),
  jsonRoute('POST /kill', async ({ daemon, json, query }) => {
    const { tag } = parseBodyFields(await json(), { tag: 'name' });
    if (tag === '') throw createBadRequestError('tag must not be empty.');
    const shells = query.getAll('shell');
    const killed = await daemon.killTagged(tag);
    if (shells.length === 0) return { killed };
    const chars = readCountParameter(query, 'chars');
    const views = await Promise.all(shells.map((shell) => daemon.view(shell, chars).catch(() => undefined)));
    return { killed, shells: views.filter((view) => view !== undefined) };
  }),
  jsonRoute('POST /exec', async ({ daemon, json, signal }) => {
    const spec = { command: 'name', cwd: 'name?', timeoutMs: 'count?', tag: 'name?', stdin: 'text?' } as const;
    return await daemon.exec(parseBodyFields(await json(), spec), signal);
  }),
  fileRoute('GET /files/content', ({ daemon, query }) =>
    daemon.openFile(readPath(query), readCountParameter(query, 'maxBytes')),
  ),
  actionRoute('PUT /files/content', ({ daemon, query, raw }) => {
    const how = query.has('append') ? 'append' : 'replace';
    return daemon.writeFile(readPath(query), capped(raw), how);
  }),
  actionRoute('DELETE /files/content', ({ daemon, query }) => daemon.removeFile(readPath(query))),
  fileRoute('GET /files/stream', ({ daemon, query }) => daemon.sendFile(readPath(query), parseFilePart(query))),
  jsonRoute('PUT /files/stream', ({ daemon, query, raw }) =>
    daemon.receiveFile(readPath(query), raw, query.get('replaces') ?? undefined),
  ),
  jsonRoute('GET /files/list', ({ daemon, query }) => daemon.listFiles(readPath(query))),
  jsonRoute('GET /files/find', ({ daemon, query }) =>
    daemon.find(readPath(query), readRequiredParameter(query, 'glob'), query.getAll('type')),
  ),
  jsonRoute('GET /files/grep', ({ daemon, query }) =>
    daemon.grep(readPath(query), readRequiredParameter(query, 'regex'), query.getAll('type')),
  ),
  jsonRoute('GET /processes', ({ daemon }) => daemon.processes()),
  actionRoute('POST /processes/{pid}/signal', async ({ daemon, params, json }) => {
    const signal = parseSignal(await json());
    if (!/^[1-9]\d{0,9}$/.test(params.pid)) throw createBadRequestError('pid must be a number.');
    await daemon.signalProcess(Number(params.pid), signal);
  }),
  jsonRoute('POST /terminals', async ({ daemon, json }) => {
    const { id } = parseBodyFields(await json(), { id: 'name' });
    return await daemon.openTerminal(parseIdentifier('id', id));
  }),
  jsonRoute('GET /terminals', ({ daemon }) => daemon.terminals()),
  bytesRoute('GET /terminals/{id}/stream', ({ daemon, params, signal }) => {
    const { chunks, end } = daemon.readTerminal(params.id, signal);
    return { chunks, trailer: { name: 'corral-terminal', value: end } };
  }),
  actionRoute('POST /terminals/{id}/input', async ({ daemon, params, json }) =>
    daemon.typeTerminal(params.id, parseBodyFields(await json(), { text: 'text' }).text),
  ),
  streamRoute('GET /terminals/{id}/keyboard', (daemon, { id }) => daemon.keyboard(id)),
  actionRoute('POST /terminals/{id}/size', async ({ daemon, params, json }) =>
    daemon.resizeTerminal(params.id, parseTerminalSize(await json())),
  ),
  actionRoute('DELETE /terminals/{id}', ({ daemon, params }) => daemon.closeTerminal(params.id)),
  jsonRoute('POST /programs', async ({ daemon, json }) => {
    const request = parseBodyFields(await json(), {
      id: 'name',
      argv: 'names',
      cwd: 'name?',
      env: 'names?',
      tag: 'name?',
    });
    parseIdentifier('id', request.id);
    checkArguments(request);
    return await daemon.openProgram(request);
  }),
  jsonRoute('GET /programs', ({ daemon }) => daemon.programs()),
  streamRoute('GET /programs/{id}/stream', (daemon, { id }) => daemon.attachProgram(id)),
  actionRoute('POST /programs/{id}/signal', async ({ daemon, params, json }) =>
    daemon.signalProgram(params.id, parseSignal(await json())),
  ),
  actionRoute('DELETE /programs/{id}', ({ daemon, params }) => daemon.closeProgram(params.id)),
  jsonRoute('POST /jobs', async ({ daemon, json }) => {
    const { cols, rows, ...job } = parseBodyFields(await json(), {
      ...({ id: 'name', argv: 'names', cwd: 'name?', env: 'names?', label: 'name?', tag: 'name?' } as const),
      ...({ cols: 'count?', rows: 'count?', input: 'flag?' } as const),
    });
    parseIdentifier('id', job.id);
    checkArguments(job);
    const terminal = cols === undefined && rows === undefined ? undefined : parseTerminalSize({ cols, rows });
    return await daemon.startJob({ ...job, ...(terminal && { terminal }) });
  }),
  jsonRoute('GET /jobs', ({ daemon }) => daemon.jobs()),
  streamRoute('GET /jobs/{id}/stream', (daemon, { id }) => daemon.attachJob(id)),
  actionRoute('POST /jobs/{id}/input', ({ daemon, params, raw }) => daemon.writeJob(params.id, raw)),
  actionRoute('DELETE /jobs/{id}/input', ({ daemon, params }) => daemon.endJobInput(params.id)),
  actionRoute('POST /jobs/{id}/size', async ({ daemon, params, json }) =>
    daemon.resizeJob(params.id, parseTerminalSize(await json())),
  ),
  actionRoute('POST /jobs/{id}/signal', async ({ daemon, params, json }) =>
    daemon.signalJob(params.id, parseSignal(await json())),
  ),
  ...pathRoutes,
  jsonRoute('POST /workspace/kept', async ({ daemon, json }) =>
    daemon.keepForRun(parseBodyFields(await json(), { run: 'name', at: 'count' })),
  ),
  jsonRoute('GET /workspace/print', ({ daemon }) => daemon.printWorkspace()),
  jsonRoute('POST /watches', async ({ daemon, json }) =>
    daemon.openWatch(parseBodyFields(await json(), { path: 'name', recursive: 'flag?', entries: 'flag?' })),
  ),
  jsonRoute('GET /watches/{id}/changes', ({ daemon, params }) => daemon.watchChanges(params.id)),
  streamRoute('GET /watches/{id}/stream', (daemon, { id }) => daemon.attachWatch(id)),
  actionRoute('DELETE /watches/{id}', ({ daemon, params }) => daemon.closeWatch(params.id)),
  { ...jsonRoute('GET /ports', ({ daemon }) => daemon.listeningPorts()), quiet: true },
  streamRoute('GET /ports/{port}/stream', (daemon, { port }) => daemon.openPort(Number(port))),
  { ...jsonRoute('GET /desktop/status', ({ daemon }) => daemon.desktop.status()), quiet: true },
  jsonRoute('POST /desktop/start', ({ daemon }) => daemon.desktop.start()),
  actionRoute('POST /desktop/stop', ({ daemon }) => daemon.desktop.stop()),
  actionRoute('POST /desktop/browser/restart', ({ daemon }) => daemon.desktop.restartBrowser()),
  bytesRoute('GET /desktop/screenshot', async ({ daemon }) => {
    const image = await daemon.desktop.screenshot();
    return { size: image.length, chunks: once(image) };
  }),
  actionRoute('POST /desktop/act', async ({ daemon, json }) => daemon.desktop.act(await json())),
  jsonRoute('GET /desktop/pointer', ({ daemon }) => daemon.desktop.pointer()),
  streamRoute('GET /desktop/vnc', (daemon) => daemon.desktop.vnc()),
  streamRoute('GET /desktop/watch', (daemon) => daemon.desktop.watch()),
  streamRoute('GET /desktop/cdp', (daemon) => daemon.desktop.cdp()),
];

function known({ daemon, params: { id } }: HttpExchange) {
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

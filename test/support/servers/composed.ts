import type { AddressInfo } from 'node:net';
import { openServerCore } from '../../../src/app/compose.ts';
import { buildHttpServer } from '../../../src/app/http-server.ts';
import { loadConfig } from '../../../src/app/settings/config.ts';
import { type Clock, systemClock } from '../../../src/core/contracts/clock.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { endSandboxes } from '../sandboxes/ended-sandboxes.ts';
import { temporaryFolder } from '../stores/store.ts';
import '../memory-driver/register.ts';

/** With `auto` every server of a test would look for the larger image, and its sandboxes would depend on what it finds. */
const noImage = { CORRAL_SANDBOX_DESKTOP: 'false' };

export type ComposedCore = Awaited<ReturnType<typeof composeCore>>;
export type ComposedServer = Awaited<ReturnType<typeof composedServer>>;
export interface LogLine {
  readonly level: string;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

interface CoreOptions extends NonNullable<Parameters<typeof openServerCore>[0]['provided']> {
  readonly clock?: Clock;
  readonly lines?: LogLine[];
}

/** The whole core in this process, with sandboxes of its own; `folder` can be an earlier core's data folder. */
export async function composeCore(
  settings: Record<string, string> = {},
  folder?: string,
  { clock = systemClock, lines = [], ...input }: CoreOptions = {},
) {
  await using stack = new AsyncDisposableStack();
  const dataDir = folder ?? stack.use(temporaryFolder()).path;
  const env = {
    CORRAL_DATA_DIR: dataDir,
    CORRAL_DRIVER: 'memory',
    CORRAL_EGRESS_POLICY: 'none',
    ...noImage,
    ...settings,
  };
  const config = loadConfig(env, '');
  // Real sandboxes outlive their server; a folder of the caller's is for the next one.
  if (folder === undefined && env.CORRAL_DRIVER !== 'memory') stack.defer(() => endSandboxes(dataDir));
  const closing = new AbortController();
  const { signal } = closing;
  const rest = { config, clock, ids: createIdSource(), closing: signal, say: () => {}, provided: input };
  const core = stack.use(await openServerCore({ ...rest, logger: logger(lines) as never }));
  stack.defer(() => closing.abort());
  const held = stack.move();
  return { core, config, closing, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** The whole core with its HTTP server on a port of its own. */
export async function composedServer(
  settings: Record<string, string> = {},
  folder?: string,
  { clock = systemClock, lines = [], ...input }: CoreOptions = {},
) {
  await using stack = new AsyncDisposableStack();
  const { core, config, closing } = stack.use(
    await composeCore({ CORRAL_RATE_LIMIT_PER_MINUTE: '0', ...settings }, folder, { clock, lines, ...input }),
  );
  const app = stack.adopt(
    await buildHttpServer({
      ...core,
      config,
      version: '1.2.3',
      sessions: core.services.sessions,
      inbox: core.inbox,
      logger: logger(lines),
      closing: closing.signal,
      clock,
      checkReplies: true,
    }),
    (it) => it.close(),
  );
  await app.listen({ host: config.host, port: Number(settings.PORT ?? 0) });
  stack.defer(() => {
    closing.abort();
    app.server.closeAllConnections();
  });
  const { port } = app.server.address() as AddressInfo;
  const held = stack.move();
  return {
    core,
    config,
    closing,
    url: `http://127.0.0.1:${port}`,
    data: config.dataDir,
    lines,
    output: () => lines.map((line) => JSON.stringify(line)).join('\n'),
    routes: app.registered,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function logger(lines: LogLine[]) {
  const at = (level: string) => (fields: object, text: string) =>
    void lines.push({ level, text, fields: fields as Record<string, unknown> });
  return { info: at('info'), warn: at('warn'), error: at('error'), fatal: at('fatal') };
}

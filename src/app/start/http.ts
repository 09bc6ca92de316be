import type { Server } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isPausable } from '../../../drivers/driver.ts';
import { type ListenAddress, listenOnSharedPort, type SharedPort } from '../../../drivers/shared/link/shared-port.ts';
import { readKeyPeppers } from '../../auth/pepper.ts';
import { hashToken } from '../../auth/token.ts';
import { Secret } from '../../core/text/secret.ts';
import type { AuditLog } from '../../observability/audit/log.ts';
import { announceServer } from '../commands/local-server.ts';
import type { ServerCore } from '../compose.ts';
import { buildHttpServer } from '../http-server.ts';
import { listenOnExtraPort, listenWithAdvice } from './listen.ts';
import { ensureStartToken, requiresStartToken, type StartToken } from './start-token.ts';
import type { StartupContext } from './startup.ts';

interface Closing {
  readonly server: Pick<Server, 'closeAllConnections'>;
  close(): Promise<unknown>;
}

export async function closeWithTimeout(app: Closing, patienceMs: number): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), patienceMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}

/** Opened in the last startup phase, so that no request can arrive before all parts exist. */
export interface RunningHttpServer extends AsyncDisposable {
  readonly url: string;
  /** Without isolation, any local program can connect, so clients need this token. */
  readonly startToken: StartToken | undefined;
}
interface HttpDeps {
  readonly core: ServerCore;
  readonly version: string;
  readonly audit: AuditLog | undefined;
}

/** Rejects with invalid_request if the server cannot listen on the configured address. */
export async function startHttpServer(
  startup: Pick<StartupContext, 'config' | 'clock' | 'ids' | 'logger' | 'closing' | 'learn'>,
  { core, version, audit }: HttpDeps,
): Promise<RunningHttpServer> {
  const { config, ids, learn } = startup;
  const { isolation } = core.driver.capabilities;
  const own = requiresStartToken(isolation, config)
    ? await ensureStartToken(config.dataDir, () => ids.token())
    : undefined;
  if (own?.token) learn(own.token);
  // Without isolation, programs could read the announcement file, so it contains no token.
  const local = isolation === 'none' ? undefined : new Secret(ids.token());
  if (local) learn(local);
  await using stack = new AsyncDisposableStack();
  let shared: SharedPort<string> | undefined;
  const app = stack.adopt(
    await buildHttpServer({
      ...core,
      ...startup,
      version,
      audit,
      sessions: core.services.sessions,
      peppers: () => readKeyPeppers(config, () => ids.token()),
      localToken: local && hashToken(local.reveal()),
      config: { ...config, token: config.token ?? own?.hash },
      abilities: {
        freeze: isPausable(core.driver),
        keepsFiles: core.driver.capabilities.pause !== 'none',
      },
      checkReplies: process.env.NODE_ENV !== 'production',
    }),
    (it) => {
      const closing = { server: it.server, close: () => Promise.all([shared?.close(), it.close()]) };
      return closeWithTimeout(closing, (config.shutdown.graceSeconds * 1_000) / 3);
    },
  );
  await app.ready();
  const { host, port } = config;
  const open = (place: ListenAddress) => app.listen(place);
  const isAlone = isolation === 'none'; // without isolation, a sandbox's program could also listen on a shared port
  if (!isAlone) shared = await listenWithAdvice(config, () => listenOnSharedPort(app.server, { host, port }, open));
  const url = shared?.first ?? (await listenWithAdvice(config, () => open({ host, port })));
  for (const extra of config.extraPorts) stack.use(await listenOnExtraPort(app.server, host, extra));
  stack.use(trimHeapWhenIdle());
  stack.use(await announceServer({ url, dataDir: config.dataDir, token: local }));
  const held = stack.move();
  return { url, startToken: own, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

const trimCheckMs = 2_000;
const maxIdleUtilization = 0.05;
/** Maximum number of checks. After that, the heap may be so large that collecting it would delay requests. */
const maxTrimChecks = 30;

/** Returns startup memory to the operating system; V8 alone would keep about 35 MiB. */
function trimHeapWhenIdle(): Disposable {
  let before = performance.eventLoopUtilization();
  let checks = 0;
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    const isIdle = utilization <= maxIdleUtilization;
    if (isIdle || ++checks === maxTrimChecks) clearInterval(timer);
    if (!isIdle) return;
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }, trimCheckMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

import { once } from 'node:events';
import packageJson from '../../package.json' with { type: 'json' };
import { keyedProviders } from '../agents/models/providers.ts';
import { systemClock } from '../core/contracts/clock.ts';
import { toAppError } from '../core/errors/errors.ts';
import { armFailpoints, readFailpointSpec } from '../core/errors/failpoint.ts';
import { createIdSource } from '../core/model/ids.ts';
import { createLogger, type Logger } from '../observability/logger.ts';
import { watchEventLoop } from '../observability/loop-watchdog.ts';
import { formatLogLine } from '../observability/pretty.ts';
import { createScrubber, type Scrubber } from '../observability/scrub.ts';
import { createSandboxStartProgress, type SandboxStartProgress } from '../observability/start-progress.ts';
import { prepareDataFolder } from '../storage/data-folder.ts';
import { runClientCommand } from './commands/client-commands.ts';
import type { ServerCommandDefinition } from './commands/command.ts';
import { describeCommands, isServerCommand, loadCommand, renderRequestedHelp } from './commands/list.ts';
import { loadLocalConfig } from './commands/local-config.ts';
import { openServerCore } from './compose.ts';
import { openServerAuditLog } from './parts/audit-log.ts';
import { listUrlSecrets } from './parts/store.ts';
import type { Config } from './settings/config.ts';
import { formatConfigHelp } from './settings/help.ts';
import { listenForShutdown } from './shutdown.ts';
import { startHttpServer } from './start/http.ts';
import type { StartToken } from './start/start-token.ts';
import { waitForStore } from './start/store-wait.ts';

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args[0] === '--version') return console.log(packageJson.version);
  if (asksServer(args)) {
    const serverCommands = await describeCommands();
    process.exitCode = await runClientCommand(args, { serverCommands, runServer });
    return;
  }
  process.exitCode = await runServer(args);
}

/** Also true for help without a topic, which lists all commands. */
function asksServer([name, topic]: readonly string[]): boolean {
  if (name === 'help') return topic === undefined || (topic !== 'settings' && !isServerCommand(topic));
  if ((name === '--help' || name === '-h') && topic === undefined) return true;
  if (name?.startsWith('--url')) return true;
  return name !== undefined && name !== 'serve' && !name.startsWith('-') && !isServerCommand(name);
}

async function runServer(values: readonly string[]): Promise<number> {
  const args = values[0] === 'serve' || values.join(' ') === 'help settings' ? values.slice(1) : values;
  const help = await renderRequestedHelp(values.join(' ') === 'help settings' ? ['help'] : args, formatConfigHelp);
  if (help !== undefined) {
    console.log(help);
    return 0;
  }
  const faults = readFailpointSpec(process.env);
  using _faults =
    faults === undefined ? undefined : armFailpoints(faults, { exit: () => process.kill(process.pid, 'SIGKILL') });
  const command = await loadCommand(args);
  if (command) return await perform(command, args.slice(1));
  const config = loadLocalConfig();
  const { secretAccessKey } = config.storage.s3;
  const { compatible } = config.models;
  const modelKeys = [...keyedProviders.map(({ name }) => config.models[name]), ...Object.values(compatible)].map(
    (it) => it.apiKey,
  );
  const secrets = [
    config.token,
    ...listUrlSecrets(config.mongodbUrl),
    config.keys.encryptionKey,
    secretAccessKey,
    ...modelKeys,
  ];
  const scrubber = createScrubber(secrets);
  using progress = createSandboxStartProgress(process.stderr, systemClock);
  const destination = logDestination(config.log.format, progress);
  const logger = createLogger({ level: config.log.level, scrubber, ...(destination && { destination }) });
  // A bug in one place must not stop all users' sessions.
  process.on('uncaughtException', (error) => logger.fatal({ err: error }, 'uncaught exception; the server continues'));
  process.on('unhandledRejection', (error) =>
    logger.error({ err: error }, 'unhandled rejection; the server continues'),
  );
  const { blockedSeconds } = config.log;
  const thread = config.history === 'memory' || config.mongodbUrl ? 'own' : 'store';
  using _watchdog = blockedSeconds === 0 ? undefined : watchEventLoop({ blockedMs: blockedSeconds * 1_000, thread });
  await serve(config, { logger, scrubber, progress });
  logger.info('stopped');
  endSoon();
  return 0;
}

async function perform(command: ServerCommandDefinition, args: readonly string[]): Promise<number> {
  using ending = listenForShutdown(10_000);
  return await command.run(args, { signal: ending.requested, print: (line) => console.log(line), say: sayTo });
}

interface StartReporters {
  readonly logger: Logger;
  readonly scrubber: Scrubber;
  readonly progress: SandboxStartProgress;
}

async function serve(config: Config, { logger, scrubber, progress }: StartReporters): Promise<void> {
  const { learn, scrub } = scrubber;
  const say = (text: string) => progress.around(() => sayTo(text));
  process.umask(0o077); // new files are private to this user; files for sandboxes get an explicit mode
  let awaited = 'the start';
  const ending = (part: string) => () => {
    awaited = part;
  };
  const { graceSeconds } = config.shutdown;
  const late = () => {
    logger.error({ awaited, graceSeconds }, 'the shutdown took too long; the next start finishes the remaining work');
    sayTo(`The shutdown took longer than ${graceSeconds} s (CORRAL_SHUTDOWN_GRACE_SECONDS); it waited for ${awaited}.`);
  };
  using shutdown = listenForShutdown(graceSeconds * 1_000, { late }); // disposed last, because it watches the other disposals
  await using stack = new AsyncDisposableStack();
  const clock = systemClock;
  const ids = createIdSource();
  const closing = shutdown.requested;
  prepareDataFolder(config.dataDir);
  const audit = stack.use(await openServerAuditLog({ config, clock, ids, scrub, logger }));
  const start = () => openServerCore({ config, logger, clock, ids, closing, say, learn, progress, ending });
  const core = stack.use(await waitForStore(start, { config, logger, closing, say }));
  const parts = { core, audit, version: packageJson.version };
  const http = stack.use(await startHttpServer({ config, clock, ids, logger, closing, learn }, parts));
  stack.defer(ending('open requests'));
  const { driver, modelName, instance } = core;
  const { url, startToken } = http;
  const { egress } = core.live.now;
  const reach = [egress.policy, ...egress.allow].join(' ');
  const began = { version: packageJson.version, driver: driver.name, model: modelName, egress: reach };
  audit?.write({ action: 'server.start', outcome: 'done', by: 'server', detail: began });
  logger.info({ url, driver: driver.name, model: modelName, instance }, 'ready');
  say(`Corral ${packageJson.version} is ready at ${url} (sandboxes: ${driver.name}, model: ${modelName}).`);
  if (startToken) say(linkOf(startToken, url));
  if (!closing.aborted) await once(closing, 'abort');
  logger.info('draining');
} // disposal order: the listeners close, running work stops, the store closes last

function linkOf({ token, path }: StartToken, url: string): string {
  if (token)
    return `Open ${url}/?token=${token.reveal()} (save it: it is shown only once, and remains valid after restarts)`;
  return `The token in the link that the first start printed is still valid. To get a new one, delete ${path} and start again.`;
}

function logDestination(format: Config['log']['format'], progress: SandboxStartProgress) {
  const { stdout, env } = process;
  if (format === 'json' || (format === 'auto' && !stdout.isTTY)) return undefined;
  const colour = stdout.isTTY === true && !env.NO_COLOR;
  return { write: (line: string) => progress.around(() => void stdout.write(formatLogLine(line, { colour }))) };
}

function sayTo(text: string): void {
  console.error(`corral: ${text}`);
}

/** An open handle, such as a hanging engine call, must not keep the process alive. */
function endSoon(): void {
  setTimeout(() => process.exit(), 2_000).unref();
}

await main().catch((thrown: unknown) => {
  const error = toAppError(thrown);
  sayTo(error.publicMessage);
  if (error.code === 'internal') console.error(thrown);
  process.exitCode = 1;
  endSoon();
});

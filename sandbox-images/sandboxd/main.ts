// Bundled into one file that needs only Node, bash and a few basic tools.
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { systemClock } from '../../src/core/contracts/clock.ts';
import { makeFolders } from './files/byte-names.ts';
import { createConfinedPaths } from './files/confined-paths.ts';
import { tryReadText } from './files/read-if-any.ts';
import { createLazyDesktop, unsupportedDesktop } from './lazy-desktop.ts';
import { createDaemon } from './real-daemon.ts';
import { dialControlSockets } from './server/dial-server.ts';
import { resolveProxyTarget, startForwarder } from './server/forwarder.ts';
import { isFromOwnUser } from './server/peer-user.ts';
import { createDaemonServer } from './server/server.ts';
import { createDaemonProcessSet, type DaemonState } from './shared-state.ts';
import { createBaseEnvironment, writeShellProfile } from './shells/environment.ts';
import { openJournal } from './shells/journal.ts';
import { endLeftoverProcesses } from './shells/recover.ts';
import { shellSetupScript } from './shells/shell-state.ts';
import { daemonVersion } from './version.ts';

const ownBundle = '/etc/ssl/certs/ca-certificates.crt';

/** Used if the server mounts no CA file. */
function trustAuthorities(runDir: string, env: NodeJS.ProcessEnv): void {
  if (env.CORRAL_EXTRA_CA_PEM === undefined) return;
  writeFileSync(join(runDir, 'ca.pem'), `${tryReadText(ownBundle) ?? ''}\n${env.CORRAL_EXTRA_CA_PEM}`);
}

const { env } = process;
// Pid 1 passes the token on stdin, so that no other process can read it.
const token = env.CORRAL_TOKEN_FILE ? readFileSync(0, 'utf8').trim() : (env.CORRAL_SANDBOXD_TOKEN ?? '');
const sandboxId = env.CORRAL_SANDBOX_ID ?? '';
const workspace = env.CORRAL_WORKSPACE ?? '/workspace';
const runDir = env.CORRAL_RUN_DIR ?? '/run/corral';
const stateDir = await makeStateDir(
  env.CORRAL_STATE_DIR === undefined ? ['/run/corral-state', '/tmp/.corral'] : [env.CORRAL_STATE_DIR],
);
// If pid 1 or 2 is the image's own init, all visible processes belong to this sandbox.
const init = [1, 2].find((pid) => String(pid) === env.CORRAL_INIT_PID);
const log = (text: string) => void process.stderr.write(`sandboxd: ${text}\n`);

if (token === '') {
  log(
    'CORRAL_SANDBOXD_TOKEN is not set. The program that starts a sandbox chooses a token and passes it to both sides.',
  );
  process.exit(78); // init does not restart a daemon that exits with 78
}
if (statSync(workspace, { throwIfNoEntry: false })?.nlink === 0) {
  log(`${workspace} was removed, and all files of the sandbox with it.`);
  process.exit(78);
}
process.stderr.on('error', () => {}); // stderr has no reader left, so reporting the error would fail endlessly
process.on('uncaughtException', (error) => log(`a bug: ${error.stack}`));

writeFileSync(join(stateDir, 'shell.bash'), shellSetupScript);
await makeHome(env.HOME);
trustAuthorities(runDir, env);
const bootId = readFileSync('/proc/sys/kernel/random/uuid', 'latin1').trim();
let activeAt = systemClock.now();
const parts: DaemonState = {
  clock: systemClock,
  place: await createConfinedPaths(workspace, env.CORRAL_WORKSPACE_ALIAS),
  stateDir,
  screenDir: env.CORRAL_SCREEN_DIR,
  env: createBaseEnvironment(env),
  journal: openJournal(stateDir),
  keepers: createDaemonProcessSet(process.pid, process.ppid),
  spoolCap: Number(env.CORRAL_SPOOL_CAP_BYTES ?? 64 * 1024 * 1024),
  diskBytes: Number(env.CORRAL_DISK_BYTES ?? 0),
  volumes: [...(env.CORRAL_VOLUMES ?? '').matchAll(/^(\d+) (\/.+)$/gm)].map(([, bytes, path = '']) => ({
    bytes: Number(bytes),
    path,
  })),
  bootId,
  init,
  touch: () => {
    activeAt = systemClock.now();
  },
  idleMs: () => systemClock.now() - activeAt,
};
writeShellProfile(parts.env);
await endLeftoverProcesses(parts, sandboxId);

const egressPort = Number(env.CORRAL_EGRESS_PORT ?? 3128);
const desktop =
  env.CORRAL_DESKTOP === 'off'
    ? unsupportedDesktop
    : createLazyDesktop(parts, {
        width: Number(env.CORRAL_DESKTOP_WIDTH ?? 1280),
        height: Number(env.CORRAL_DESKTOP_HEIGHT ?? 800),
        clipboard: env.CORRAL_DESKTOP_CLIPBOARD === 'true',
        idleMs: Number(env.CORRAL_DESKTOP_IDLE_MS ?? 0),
        hungMs: Number(env.CORRAL_DESKTOP_HUNG_MS ?? 10_000),
        memoryBytes: Number(env.CORRAL_MEMORY_BYTES) || undefined,
        proxy: egressPort > 0 ? `http://127.0.0.1:${egressPort}` : undefined,
      });
// Set if the server's sockets cannot be mounted: a port, `address:port` or a socket path.
const listen = env.CORRAL_SANDBOXD_LISTEN;
const [, host = '127.0.0.1', port] = /^(?:([\d.]+):)?(\d+)$/.exec(listen ?? '') ?? [];
const ownPorts = [egressPort, Number(port ?? 0)].filter((one) => one > 0);
const server = createDaemonServer(createDaemon(parts, { version: daemonVersion, sandboxId, desktop, ownPorts }), token);
const hello = `${JSON.stringify({ corral: 1, version: daemonVersion, boot: bootId, token, sparing: true })}\n`;
dialControlSockets({ folder: runDir, hello, server, log });
if (egressPort > 0) {
  const admits = env.CORRAL_EGRESS_OWN_USER === '1' ? isFromOwnUser : undefined;
  startForwarder(egressPort, resolveProxyTarget(join(runDir, 'egress'), sandboxId, env), { log, admits });
}
if (listen) {
  if (!port) rmSync(listen, { force: true });
  server.on('error', (error) => log(`nothing listens on ${listen}: ${error.message}`));
  server.listen(port ? { port: Number(port), host } : { path: listen });
}

async function makeHome(home: string | undefined): Promise<void> {
  if (!home?.startsWith('/') || existsSync(home)) return;
  await makeFolders(home, 0o700);
  // Prevents `git add -A` in the workspace from adding installed packages.
  if (basename(dirname(home)) === '.corral') writeFileSync(join(dirname(home), '.gitignore'), '*\n');
}

/** Prefers a folder on a disk that the user's files cannot fill. */
async function makeStateDir(candidates: readonly string[]): Promise<string> {
  let failure: unknown;
  for (const candidate of candidates) {
    try {
      await makeFolders(candidate, 0o700);
      return candidate;
    } catch (thrown) {
      failure = thrown;
    }
  }
  throw failure;
}

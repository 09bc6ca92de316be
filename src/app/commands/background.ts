import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { connectToDataDir, findRunningServer, isProcessRunning, type LocalServer } from '../../cli/server.ts';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { AppError } from '../../core/errors/errors.ts';
import { type CommandTerminal, parseWithUsage, type ServerCommandDefinition } from './command.ts';
import { loadLocalConfig } from './local-config.ts';

const pollMs = 100;
const quietLines = 15;

export const upCommand: ServerCommandDefinition = {
  usage: '[--timeout <seconds>]',
  about:
    'starts the server in the background and returns once it is ready; its log is server.log in the data folder, and ' +
    '`down` ends it',
  async run(args, at) {
    const seconds = parseTimeout(args, { name: 'up', usage: upCommand.usage, usual: 300 });
    const place = serverFiles();
    const running = findRunningServer(place.data);
    if (running) {
      at.print(`Corral is already running at ${running.url} (process ${running.pid}).`);
      return 0;
    }
    mkdirSync(place.data, { recursive: true, mode: 0o700 });
    const began = sizeOf(place.log);
    const child = started(place);
    const decided = new AbortController();
    const signal = combineSignals([at.signal, decided.signal]);
    const end = await Promise.race([answers(place, { child, seconds, signal }), exited(child)]);
    decided.abort();
    if (end !== 'up') return refused(place, began, { child, end, at });
    for (const line of written(place.log, began).filter((one) => one.startsWith('corral: Open ')))
      at.print(line.slice(8));
    const { url, pid } = findRunningServer(place.data) ?? { url: '', pid: child.pid };
    at.print(`Corral is running at ${url} (process ${pid}). Log: ${place.log}. Stop it with: corral down`);
    child.unref();
    return 0;
  },
};

export const downCommand: ServerCommandDefinition = {
  usage: '[--timeout <seconds>] [--remove]',
  about:
    'stops the server of the data folder, and returns once it has stopped; sessions continue at its next start. With ' +
    '--remove, sessions, sandboxes and volumes are deleted first, and then the data folder',
  async run(values, { print, signal }) {
    const removes = values.includes('--remove');
    const args = values.filter((arg) => arg !== '--remove');
    const seconds = parseTimeout(args, { name: 'down', usage: downCommand.usage, usual: 60 });
    const { data, pidFile } = serverFiles();
    if (removes) print(await removeAll(data));
    const pid = findRunningServer(data)?.pid ?? pidIn(pidFile);
    if (pid === undefined || !isServer(pid)) {
      rmSync(pidFile, { force: true });
      print(`No server is running on ${data}.`);
      return 0;
    }
    process.kill(pid, 'SIGTERM');
    const isOver = await until(() => !isProcessRunning(pid), { seconds, signal });
    if (!isOver)
      throw new AppError('deadline_exceeded', `Process ${pid} did not end within ${seconds} s. Its log is in ${data}.`);
    rmSync(pidFile, { force: true });
    print('The server has stopped.');
    if (removes) {
      rmSync(data, { recursive: true, force: true });
      print(`${data} is removed.`);
    }
    return 0;
  },
};

async function removeAll(data: string): Promise<string> {
  const corral = connectToDataDir(data);
  if (!corral) {
    const text = `No server is running on ${data}, and only the server can delete its sandboxes. Start it with corral up, then repeat this command.`;
    throw new AppError('conflict', text);
  }
  let count = 0;
  for (;;) {
    const { items } = await corral.call((api) => api.sessions.list.query({ limit: 500 }));
    if (items.length === 0) break;
    const { deleted, kept } = await corral.call((api) =>
      api.sessions.deleteMany.mutate({ ids: items.map(({ id }) => id) }),
    );
    count += deleted.length;
    if (kept.length > 0)
      throw new AppError('conflict', `${kept.length} sessions could not be deleted: ${kept[0]?.code}.`);
  }
  const volumes = await corral.call((api) => api.volumes.list.query());
  for (const { id } of volumes) await corral.call((api) => api.volumes.delete.mutate({ volume: id }));
  return `${count} sessions and ${volumes.length} volumes were deleted.`;
}

interface ServerFiles {
  readonly data: string;
  readonly log: string;
  readonly pidFile: string;
}

function serverFiles(): ServerFiles {
  const data = resolve(loadLocalConfig().dataDir);
  return { data, log: join(data, 'server.log'), pidFile: join(data, 'server.pid') };
}

function started({ log, pidFile }: ServerFiles): ChildProcess {
  const output = openSync(log, 'a', 0o600);
  const program = [...process.execArgv, process.argv[1] ?? '', 'serve'];
  const child = spawn(process.execPath, program, { detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  if (child.pid !== undefined) writeFileSync(pidFile, `${child.pid}\n`, { mode: 0o600 });
  return child;
}

type End = 'up' | 'late' | 'cancelled' | number | null;

interface ServerWait {
  readonly child: ChildProcess;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

async function answers({ data }: ServerFiles, { child, seconds, signal }: ServerWait): Promise<End> {
  const isUp = await until(
    async () => {
      const running = findRunningServer(data);
      return running?.pid === child.pid && running !== undefined && (await isHealthy(running, signal));
    },
    { seconds, signal },
  );
  return isUp ? 'up' : signal.aborted ? 'cancelled' : 'late';
}

const isHealthy = async ({ url }: LocalServer, signal: AbortSignal): Promise<boolean> =>
  await fetch(`${url}/healthz`, { signal }).then(
    ({ ok }) => ok,
    () => false,
  );

const exited = (child: ChildProcess) =>
  new Promise<number | null>((done, failed) => child.once('error', failed).once('exit', (code) => done(code)));

function refused(
  place: ServerFiles,
  began: number,
  { child, end, at }: { child: ChildProcess; end: End; at: CommandTerminal },
): number {
  if (end === 'late' || end === 'cancelled') child.kill('SIGTERM');
  rmSync(place.pidFile, { force: true });
  for (const line of written(place.log, began).slice(-quietLines)) at.say(line.replace(/^corral: /, ''));
  const why = end === 'late' ? 'did not answer in time' : end === 'cancelled' ? 'was stopped' : 'did not start';
  at.say(`The server ${why}. Its log: ${place.log}`);
  return 1;
}

const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0);
const written = (file: string, from: number): string[] =>
  readFileSync(file).subarray(from).toString().split('\n').filter(Boolean);

function pidIn(file: string): number | undefined {
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  return Number.isInteger(pid) && pid > 1 ? pid : undefined;
}

/** After a crash, the server's pid may belong to another program. */
function isServer(pid: number): boolean {
  if (!isProcessRunning(pid)) return false;
  if (process.platform !== 'linux') return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      .split('\0')
      .some((word) => /(^|\/)main\.(ts|js)$/.test(word));
  } catch {
    return false;
  }
}

interface Deadline {
  readonly seconds: number;
  readonly signal: AbortSignal;
}

async function until(isTrue: () => boolean | Promise<boolean>, { seconds, signal }: Deadline): Promise<boolean> {
  const ends = performance.now() + seconds * 1_000;
  while (!signal.aborted && performance.now() < ends) {
    if (await isTrue()) return true;
    await new Promise((done) => setTimeout(done, pollMs));
  }
  return false;
}

const parseTimeout = (args: readonly string[], { name, usage, usual }: TimeoutOption): number =>
  parseWithUsage(`${name} takes ${usage}`, () => {
    const { timeout } = parseArgs({ args: [...args], options: { timeout: { type: 'string' } } }).values;
    if (timeout !== undefined && !/^[1-9]\d{0,4}$/.test(timeout))
      throw new Error('--timeout needs a number of seconds, 1 or more');
    return timeout === undefined ? usual : Number(timeout);
  });
interface TimeoutOption {
  readonly name: string;
  readonly usage: string;
  readonly usual: number;
}

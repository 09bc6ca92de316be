import type { Server } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import type { Daemon, OpenFile } from '../../../sandbox-images/sandboxd/daemon.ts';
import { daemonLimits } from '../../../sandbox-images/sandboxd/daemon.ts';
import { unsupportedDesktop } from '../../../sandbox-images/sandboxd/lazy-desktop.ts';
import { createDaemonServer } from '../../../sandbox-images/sandboxd/server/server.ts';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { isFolderPath } from '../../../src/core/text/file-names.ts';
import { compileGlob, compileGlobs } from '../../../src/core/text/glob.ts';
import { FileTree } from './file-tree.ts';
import { Processes } from './processes.ts';
import { memoryShells } from './shells.ts';
import { memoryTerminals } from './terminals.ts';

export interface MemoryDaemonOptions {
  readonly clock: Clock;
  readonly token: string;
  readonly workdir: string;
}

/** A sandbox's daemon without a sandbox: the same HTTP API, with files and processes that exist only in memory. */
export interface MemoryDaemon {
  readonly daemon: Daemon;
  /** Opens a connection to the daemon and returns the client's end. */
  connect(): Duplex;
  /** Ends every process and connection, as when the sandbox is destroyed. */
  close(): void;
}

export function memoryDaemon({ clock, token, workdir }: MemoryDaemonOptions): MemoryDaemon {
  const files = new FileTree(workdir, clock.now);
  const processes = new Processes(clock);
  const shells = memoryShells({ clock, files, processes });
  const { endAll: endTerminals, ...terminals } = memoryTerminals({ clock, files, processes });
  const connections = new Set<Duplex>();
  let activeAt = clock.now();

  const daemon: Daemon = {
    ...shells,
    ...terminals,
    desktop: unsupportedDesktop,
    openProgram: noPrograms,
    programs: () => [],
    attachProgram: noPrograms,
    signalProgram: noPrograms,
    closeProgram: noPrograms,
    ...nothingReal,
    health: () => ({ version: 'memory', bootId: 'memory', idleMs: clock.now() - activeAt, oomKills: 0 }),
    usage: () => ({ cpuSeconds: 0, memoryBytes: 0, memoryLimitBytes: null, processes: processes.list().length }),
    touch() {
      activeAt = clock.now();
    },
    killTagged: async (tag) => processes.killTagged(tag),
    async openFile(path, maxBytes): Promise<OpenFile> {
      const content = files.read(files.locate(path)).subarray(0, maxBytes);
      if (content.length > daemonLimits.fileBytes)
        throw new AppError('payload_too_large', 'At most 50 MiB can be read at once.');
      const chunks = async function* () {
        if (content.length > 0) yield content;
      };
      return { size: content.length, chunks: chunks(), [Symbol.asyncDispose]: async () => {} };
    },
    async writeFile(path, content, how) {
      const full = files.locate(path);
      if (isFolderPath(path)) throw new AppError('invalid_request', `${path} names a folder, not a file.`);
      const parts: Uint8Array[] = [];
      for await (const part of content) parts.push(part);
      if (how === 'append') files.append(full, Buffer.concat(parts));
      else files.write(full, Buffer.concat(parts));
    },
    listFiles: async (path) => files.list(files.locate(path)),
    removeFile: async (path) => files.remove(files.locate(path)),
    async find(path, glob, types) {
      const full = files.locate(path);
      if (!files.isFolder(full)) throw new AppError('file_not_found', `There is no folder ${path}.`);
      const fits = compileGlob(glob);
      const found = [...files.below(full)].map((file) => file.path).filter((it) => fits(it.slice(full.length + 1)));
      return cut(found.map((it) => files.relative(it)).filter(compileGlobs(types)));
    },
    async grep(path, regex, types) {
      const full = files.locate(path);
      if (!files.exists(full)) throw new AppError('file_not_found', `There is no file ${path}.`);
      const pattern = expression(regex);
      const fits = compileGlobs(types);
      const below = [...files.below(full)].filter((file) => fits(files.relative(file.path)));
      const found = below.flatMap((file) =>
        linesOf(file.content).flatMap((content, index) =>
          pattern.test(content) ? [{ file: files.relative(file.path), line: index + 1, content }] : [],
        ),
      );
      return cut(found);
    },
    processes: async () => processes.list(),
    async signalProcess(pid, name) {
      if (!processes.end(pid, name === 'SIGKILL' ? 137 : name === 'SIGINT' ? 130 : 143)) {
        throw new AppError('not_found', `There is no process ${pid}.`);
      }
    },
  };
  const server: Server = createDaemonServer(daemon, token);

  return {
    daemon,
    connect() {
      const [near, far] = duplexPair();
      connections.add(far);
      far.once('close', () => {
        connections.delete(far);
        near.destroy();
      });
      near.once('close', () => far.destroy());
      server.emit('connection', far);
      return Object.assign(near, socketManners(near));
    },
    close() {
      processes.endAll();
      endTerminals();
      for (const connection of connections) connection.destroy();
    },
  };
}

async function noPrograms(): Promise<never> {
  throw new AppError('unsupported', 'This sandbox exists only in memory, and cannot run programs.');
}

/** Jobs, files outside of the workspace, watches and ports need a real system. */
const nothingReal = {
  startJob: noPrograms,
  jobs: () => [],
  attachJob: noPrograms,
  writeJob: noPrograms,
  endJobInput: noPrograms,
  resizeJob: noPrograms,
  signalJob: noPrograms,
  statPath: noPrograms,
  listPaths: noPrograms,
  makeFolder: noPrograms,
  movePath: noPrograms,
  removePath: noPrograms,
  openPath: noPrograms,
  writePath: noPrograms,
  openWatch: noPrograms,
  watchChanges: noPrograms,
  attachWatch: noPrograms,
  closeWatch: noPrograms,
  openPort: noPrograms,
  listeningPorts: () => [],
  sendFile: noPrograms,
  receiveFile: noPrograms,
  keepForRun: noPrograms,
  printWorkspace: noPrograms,
};

/** Socket methods that Node's agents call. A stream in memory does not need them. */
const socketManners = (stream: Duplex) => ({
  setKeepAlive: () => stream,
  setNoDelay: () => stream,
  setTimeout: () => stream,
  ref: () => stream,
  unref: () => stream,
});

const cut = <Match>(matches: readonly Match[]) => ({
  matches: matches.slice(0, daemonLimits.matches),
  truncated: matches.length > daemonLimits.matches,
});

function expression(regex: string): RegExp {
  try {
    return new RegExp(regex); // the expression comes only from a test or a demo
  } catch (cause) {
    throw new AppError('invalid_request', 'The expression is not valid.', { cause });
  }
}

function linesOf(content: Buffer): string[] {
  const lines = content.toString().split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

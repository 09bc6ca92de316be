import { watch } from 'node:fs';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { tryListFolder } from '../files/read-if-any.ts';

// The daemon opens the connections for the server's requests, so that sandboxed code cannot redirect them.

export interface ControlDialOptions {
  readonly folder: string;
  readonly hello: string;
  readonly server: Server;
  log(text: string): void;
}

/** Only one, because each spare connection uses a file descriptor on the server. */
const spare = 1;
/** Maximum connections, excluding streams. The server reserves the last four for health checks. */
const most = 96;
const lookMs = 2_000;

/** Keeps one unused connection to each `control` or `control.*` socket in the folder. */
export function dialControlSockets(options: ControlDialOptions): Disposable {
  const dialled = new Map<string, IdleDialler>();
  const look = () => {
    const names = listed(options.folder);
    for (const name of names) if (!dialled.has(name)) dialled.set(name, keepDialled(name, options));
    for (const [name, line] of dialled) {
      if (names.includes(name)) continue;
      line[Symbol.dispose]();
      dialled.delete(name);
    }
  };
  look();
  const timer = setInterval(look, lookMs);
  const watcher = watched(options.folder, () => {
    look();
    for (const line of dialled.values()) line.nudge(); // a server has probably restarted
  });
  return {
    [Symbol.dispose]() {
      clearInterval(timer);
      watcher?.close();
      for (const line of dialled.values()) line[Symbol.dispose]();
    },
  };
}

const listed = (folder: string): string[] =>
  tryListFolder(folder).filter((name) => name === 'control' || name.startsWith('control.'));

/** Best effort: a timer also finds new sockets. */
function watched(folder: string, listener: () => void) {
  try {
    return watch(folder, listener).on('error', () => {});
  } catch {
    return undefined;
  }
}

interface IdleDialler extends Disposable {
  nudge(): void;
}

function keepDialled(name: string, { folder, hello, server, log }: ControlDialOptions): IdleDialler {
  const unused = new Set<Socket>();
  const all = new Set<Socket>();
  const streams = new Set<Socket>();
  let backoff = 50;
  let waiting: NodeJS.Timeout | undefined;
  let stopped = false;

  const fill = () => {
    while (!stopped && !waiting && unused.size < spare && all.size < most) dial();
  };
  const later = () => {
    waiting ??= setTimeout(() => {
      waiting = undefined;
      fill();
    }, backoff);
    backoff = Math.min(backoff * 2, 1_000);
  };
  const dial = () => {
    const socket = connect(join(folder, name));
    let acceptedAt = Number.POSITIVE_INFINITY;
    all.add(socket);
    unused.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      all.delete(socket);
      // If an unused connection drops within a second, delay the next dial.
      const wasUsed = !unused.delete(socket);
      if (wasUsed || performance.now() - acceptedAt > 1_000) fill();
      else later();
    });
    socket.write(hello);
    awaitAnswer(socket, (answer) => {
      if (answer !== 'ok') {
        log(`the server refused this sandbox on ${name}: ${answer.slice(0, 200)}`);
        return void socket.destroy();
      }
      acceptedAt = performance.now();
      backoff = 50;
      server.emit('connection', socket);
    });
  };
  // Health requests do not use up the spare connection, because they are frequent and short.
  const used = ({ socket, url }: { socket: Socket; url?: string | undefined }) => {
    if (url !== '/health' && unused.delete(socket)) fill();
  };
  // Streams do not count towards `most`.
  const lent = (request: { socket: Socket }) => {
    if (all.delete(request.socket)) streams.add(request.socket);
    unused.delete(request.socket);
    request.socket.once('close', () => streams.delete(request.socket));
    fill();
  };
  server.prependListener('request', used);
  server.prependListener('upgrade', lent);
  fill();
  return {
    nudge() {
      clearTimeout(waiting);
      waiting = undefined;
      backoff = 50;
      fill();
    },
    [Symbol.dispose]() {
      stopped = true;
      clearTimeout(waiting);
      server.off('request', used).off('upgrade', lent);
      for (const socket of [...all, ...streams]) socket.destroy();
    },
  };
}

function awaitAnswer(socket: Socket, answered: (line: string) => void): void {
  let line = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), 10_000);
  socket.once('close', () => clearTimeout(timer));
  const hear = (chunk: Buffer) => {
    line = Buffer.concat([line, chunk]);
    const end = line.indexOf(10);
    if (end < 0 && line.length < 1_024) return;
    clearTimeout(timer);
    socket.off('data', hear);
    socket.pause();
    if (end >= 0 && end + 1 < line.length) socket.unshift(line.subarray(end + 1));
    socket.resume(); // otherwise, a request in the same packet would stay unread
    answered(line.toString('utf8', 0, end < 0 ? line.length : end));
  };
  socket.on('data', hear);
}

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { getPriority, setPriority } from 'node:os';
import { garbage } from '../../test/support/hostile-daemon.ts';
import type { Program } from './child-process.ts';

// A program in the daemon's place: it answers each request at once, with what it was told to. `garbage` breaks a rule.
// `largest` breaks none: the answers are as large and as many-valued as the rules allow.

const KiB = 1024;
const MiB = KiB * KiB;

const whole = (json: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
const upgraded = 'HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: corral-stream\r\n\r\n';
const chunkOf = (bytes: number, fill: string) => `${bytes.toString(16)}\r\n${fill.repeat(bytes)}\r\n`;

const many = (count: number, item: (n: number) => object) =>
  JSON.stringify(Array.from({ length: count }, (_, n) => item(n)));
const modified = new Date(0).toISOString();
const command = (output: string) => ({ ps1: '$', command: 'yes', output });

interface Heavy {
  readonly head: string;
  /** Repeated without end, as fast as it is read. */
  readonly flood?: string;
}
const largest: Record<string, () => Heavy> = {
  'the output of a command': () => ({
    head: whole(JSON.stringify({ exitCode: 0, stdout: 'é'.repeat(MiB / 2), stderr: 'e'.repeat(MiB), timedOut: false })),
  }),
  'a text of 16 MiB': () => ({
    head: whole(JSON.stringify({ exitCode: 0, stdout: 'é'.repeat(8 * MiB - 100), stderr: '', timedOut: false })),
  }),
  'a shell of 16 MiB': () => ({
    head: whole(JSON.stringify({ id: 'x', console: [command('é'.repeat(8 * MiB - 100))] })),
  }),
  'a list of 20,000 files': () => ({
    head: whole(many(20_000, (n) => ({ name: `${n}`.padEnd(600, 'n'), type: 'file', size: n, modified }))),
  }),
  'output without end': () => ({ head: chunked, flood: chunkOf(64 * KiB, 'x') }),
  'output in chunks of one byte': () => ({ head: chunked, flood: chunkOf(1, 'x').repeat(10_000) }),
  'messages of the browser': () => ({
    head: upgraded,
    flood: `${JSON.stringify({ method: 'x', params: { list: Array.from({ length: 90_000 }, (_, n) => ({ n })) } })}\0`,
  }),
  'messages of the browser of 15 MiB': () => ({
    head: upgraded,
    flood: `${JSON.stringify({ method: 'x', params: { data: 'x'.repeat(15 * MiB) } })}\0`,
  }),
  'small messages of the browser': () => ({ head: upgraded, flood: '{"method":"x"}\0'.repeat(4_000) }),
};

export const kinds: readonly string[] = [...Object.keys(garbage), ...Object.keys(largest)];

export async function open({ path }: { path: string }): Promise<Program> {
  setPriority(Math.min(19, getPriority() + 10)); // on busy processors sandboxes give way to the server
  let answer: (socket: Socket) => void = (socket) => socket.destroy();
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (request) => {
      if (String(request).includes(' HTTP/1.1')) answer(socket);
    });
  });
  server.listen(path);
  await once(server, 'listening');
  return {
    methods: {
      say(kind: string) {
        const heavy = largest[kind]?.();
        const statement = garbage[kind as keyof typeof garbage];
        if (heavy) answer = plays(heavy);
        else answer = new Function('s', statement) as typeof answer;
      },
    },
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

function plays({ head, flood }: Heavy): (socket: Socket) => void {
  const [first, rest] = [Buffer.from(head), Buffer.from(flood ?? '')];
  return (socket) => {
    socket.write(first);
    if (rest.length === 0) return;
    const pour = () => {
      while (socket.writable && socket.write(rest)) {
        // until its buffer is full
      }
    };
    socket.on('drain', pour);
    pour();
  };
}

import { connect } from 'node:net';
import { DaemonAgent } from '../../drivers/shared/daemon-agent.ts';
import { IdleConnections } from '../../drivers/shared/idle-connections.ts';
import { pipeTransport } from '../../src/browser/transport.ts';
import { Secret } from '../../src/core/secret.ts';
import type { SandboxClient } from '../../src/sandbox/client.ts';
import { sandboxClient } from '../../src/sandbox/http-client.ts';
import type { Program } from './child-process.ts';
import { type LoopDelay, watchLoop } from './loop-delay.ts';

// The server's end of a hostile sandbox: asks it for everything, again and again, and measures how late this process's
// event loop is meanwhile. After a breach it goes on with a new connection, as with the next sandbox.

interface Argument {
  readonly path: string;
}
export interface Read extends LoopDelay {
  readonly answers: number;
  readonly rssMiB: number;
}
type Ask = (client: SandboxClient, signal: AbortSignal) => Promise<unknown>;

const exec: Ask = (client, signal) => client.exec({ command: 'true' }, signal);
const follow: Ask = (client, signal) => client.follow('one', 0, () => {}, signal);
const browse: Ask = async (client, signal) => {
  const pipe = await client.desktop.cdp(signal);
  const transport = pipeTransport(pipe, client.desktop);
  const over = Promise.withResolvers<void>();
  transport.onmessage = () => {};
  transport.onclose = () => over.resolve();
  signal.addEventListener('abort', () => transport.close(), { once: true });
  await over.promise;
};
const read: Ask = (client, signal) => client.terminals.read('one', { onBytes: () => {} }, signal);
const of: Readonly<Record<string, Ask>> = {
  'a shell of 16 MiB': (client, signal) => client.view('one', signal),
  'a list of 20,000 files': (client, signal) => client.listFiles('.', signal),
  'output without end': follow,
  'output in chunks of one byte': read,
  'messages of the browser': browse,
  'messages of the browser of 15 MiB': browse,
  'small messages of the browser': browse,
};
const callsAtOnce = 4;

export async function open({ path }: Argument): Promise<Program> {
  const token = new Secret('token');
  return {
    methods: {
      async read({ kind, ms }: { kind: string; ms: number }): Promise<Read> {
        const ask = of[kind] ?? exec;
        const over = AbortSignal.timeout(ms);
        let [answers, most] = [0, 0];
        const loop = watchLoop();
        while (!over.aborted) {
          const agent = dialled(path);
          const client = sandboxClient({ agent, token, workdir: '/workspace' });
          const line = async () => {
            while (!over.aborted && !client.trust.broken.aborted) {
              await ask(client, over).catch(() => {});
              answers++;
              most = Math.max(most, process.memoryUsage.rss());
            }
          };
          await Promise.all(Array.from({ length: callsAtOnce }, line));
          agent.destroy();
          await new Promise(setImmediate);
        }
        return { ...loop.stop(), answers, rssMiB: most / 2 ** 20 };
      },
    },
    async [Symbol.asyncDispose]() {},
  };
}

/** The connections that the sandbox would dial. */
function dialled(path: string): DaemonAgent {
  const idle = new IdleConnections();
  const agent = new DaemonAgent(idle);
  for (let n = 0; n < callsAtOnce; n++) dial();
  return agent;

  function dial(): void {
    const connection = connect(path);
    connection.on('error', () => {});
    connection.once('connect', () => idle.add(connection));
  }
}

import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../../test/support/servers/free-port.ts';
import { timedPost } from '../lib/calls/exchange.ts';
import { freshFolder } from '../lib/calls/folder.ts';
import { until } from '../lib/calls/until.ts';
import { sessionClient } from '../lib/corral/client.ts';
import { startServer } from '../lib/corral/server.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import { type Correctness, countArrivals, type Pair, type SideRound, timedRow } from '../lib/measure/measure.ts';
import { missingBubblewrap } from '../peers/raw-daemon.ts';

// The longest gap in a command's live output at a watching client, while the server is killed with -9 and
// restarted. The client reconnects after its last event, every 10 ms, and must get every printed line exactly once. The
// peer is a start on an empty folder. The contract allows one second more, which is subtracted.

const graceMs = 1_000;
const lines = 60;

export const kill = timedRow({
  name: 'kill',
  title: 'kill -9 of the server until output goes on',
  missing: missingBubblewrap,
  variant: { of: 'server' },
  peer: 'corral-empty',
  goals: [{ stat: 'p50', max: 1, grace: graceMs }],
  quickMs: 30_000,
  rounds: { warmUp: 0, min: 4 },
  open: openPair,
});

const eventsPath = (sessionId: string, after: number): string =>
  `/trpc/events.subscribe?input=${encodeURIComponent(JSON.stringify({ sessionId, lastEventId: String(after) }))}`;

async function openPair(stack: AsyncDisposableStack): Promise<Pair> {
  const folder = stack.use(await freshFolder());
  const port = String(await freePort());
  const settings = { CORRAL_DRIVER: 'process', CORRAL_DATA_DIR: join(folder.path, 'full'), PORT: port };
  let server = await startServer(settings);
  stack.defer(() => server[Symbol.asyncDispose]());

  async function subject(): Promise<SideRound> {
    await using client = sessionClient(server);
    const session = await client.started();
    const url = client.urlOf(session);
    const over = new AbortController();
    const watched = watch({ url: server.url, session }, over.signal);
    const command = `for i in $(seq 1 ${lines}); do echo line-$i; sleep 0.05; done`;
    const chat = timedPost(`${url}/chat`, { message: `Print\n\`\`\`sh\n${command}\n\`\`\`` }).catch(() => {});
    const shows = (line: number) => watched.printed().includes(`line-${line}`);
    await until(() => shows(5), 'the command began'); // a kill before the start would leave its outcome unknown
    process.kill(server.pid, 'SIGKILL');
    await server[Symbol.asyncDispose]();
    server = await startServer(settings);
    await until(() => shows(lines), 'the output went on');
    await pause(500);
    over.abort();
    await chat;
    await client.remove(session);
    return { samples: [watched.gap()], correct: watched.correct() };
  }

  async function peer(): Promise<SideRound> {
    const from = monotonicMs();
    await using _empty = await startServer({ CORRAL_DRIVER: 'process' });
    return { samples: [monotonicMs() - from] };
  }
  return { subject, peer };
}

interface OutputCheck {
  /** The complete lines of the command so far. */
  printed(): readonly string[];
  /** The longest time between two pieces of output. */
  gap(): number;
  correct(): Correctness;
}

/** A client that reconnects after the last event that it has. */
function watch({ url, session }: { url: string; session: string }, signal: AbortSignal): OutputCheck {
  const seqs: number[] = [];
  const output: { text: string; at: number }[] = [];
  const hear = (block: string) => {
    const seq = /^id: (\d+)$/m.exec(block)?.[1];
    if (seq === undefined) return;
    seqs.push(Number(seq));
    const { type, data } = JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? '{}');
    if (type === 'tool.output') output.push({ text: data.text, at: monotonicMs() });
  };
  const read = async () => {
    const { body } = await fetch(`${url}${eventsPath(session, seqs.at(-1) ?? 0)}`, { signal });
    let rest = '';
    for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
      const blocks = (rest + Buffer.from(chunk).toString()).split('\n\n');
      rest = blocks.pop() ?? '';
      blocks.forEach(hear);
    }
  };
  void (async () => {
    while (!signal.aborted) await read().catch(() => pause(10));
  })();
  const printed = () =>
    output
      .map(({ text }) => text)
      .join('')
      .split(/\r?\n/)
      .slice(0, -1);
  return {
    printed,
    gap: () => Math.max(...output.map(({ at }, n) => at - (output[n - 1]?.at ?? at))),
    correct() {
      const got = printed();
      const received = Array.from({ length: lines }, (_, n) => `line-${n + 1}`).filter((it) => got.includes(it)).length;
      const duplicated = Math.max(...[seqs, got].map((all) => all.length - new Set<unknown>(all).size));
      const reordered = seqs.every((seq, n) => n === 0 || seq > (seqs[n - 1] as number)) ? 0 : 1;
      return { ...countArrivals(lines, received), duplicated, reordered };
    },
  };
}

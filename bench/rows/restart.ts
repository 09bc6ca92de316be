import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseServerSentEvents } from '../../src/core/text/server-sent-events.ts';
import { freePort } from '../../test/support/servers/free-port.ts';
import { createTempFolder } from '../lib/calls/folder.ts';
import { waitUntil } from '../lib/calls/until.ts';
import { createSessionClient } from '../lib/corral/client.ts';
import { createFilledFolder } from '../lib/corral/corral-store.ts';
import { startServer } from '../lib/corral/server.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import {
  createTimedRow,
  type DeliveryCounts,
  type ExperimentSides,
  type RoundResult,
  toDeliveryCounts,
} from '../lib/measure/measure.ts';
import { describeMissingBubblewrap } from '../peers/raw-daemon.ts';

// Two measurements after kill -9. `restart`: from the start of the process to the first successful /health, with this
// many stored sessions, all of which the list must then have; the peer is a start on an empty folder. `kill`: the
// longest gap in a command's live output at a client while the server is killed and restarted. The client reconnects
// after its last event, every 10 ms, and must get every printed line exactly once. The contract allows one second more,
// which is subtracted.

const sessions = 10_000;

export const restartRow = createTimedRow({
  name: 'restart',
  title: '10,000 stored sessions: ready again after kill -9',
  variant: { sessions },
  peer: 'corral-empty',
  max: 1.5,
  quickMs: 20_000,
  rounds: { min: 4 },
  open: openRestart,
});

async function openRestart(stack: AsyncDisposableStack): Promise<ExperimentSides> {
  const folder = stack.use(await createTempFolder());
  const { dataDir: full } = await createFilledFolder(stack, 'sessions', sessions);
  const started = async (dataDir: string): Promise<RoundResult> => {
    const from = monotonicMs();
    await using server = await startServer({ CORRAL_DRIVER: 'memory', CORRAL_DATA_DIR: dataDir });
    const samples = [monotonicMs() - from];
    const expected = dataDir === full ? sessions : 0;
    const list = (await (await fetch(`${server.url}/api/v1/sessions`)).json()) as { data: { sessions: unknown[] } };
    process.kill(server.pid, 'SIGKILL');
    return { samples, correct: toDeliveryCounts(expected, list.data.sessions.length) };
  };
  return {
    subject: () => started(full),
    peer: () => started(join(folder.path, 'empty')),
  };
}

const graceMs = 1_000;
const lines = 60;

export const killRow = createTimedRow({
  name: 'kill',
  title: 'kill -9 of the server until output goes on',
  missing: describeMissingBubblewrap,
  variant: { of: 'server' },
  peer: 'corral-empty',
  goals: [{ stat: 'p50', max: 1, grace: graceMs }],
  quickMs: 30_000,
  rounds: { warmUp: 0, min: 4 },
  open: openKill,
});

const eventsPath = (sessionId: string, after: number): string =>
  `/trpc/events.subscribe?input=${encodeURIComponent(JSON.stringify({ sessionId, lastEventId: String(after) }))}`;

async function openKill(stack: AsyncDisposableStack): Promise<ExperimentSides> {
  const folder = stack.use(await createTempFolder());
  const port = String(await freePort());
  const settings = { CORRAL_DRIVER: 'process', CORRAL_DATA_DIR: join(folder.path, 'full'), PORT: port };
  let server = await startServer(settings);
  stack.defer(() => server[Symbol.asyncDispose]());

  async function subject(): Promise<RoundResult> {
    await using client = createSessionClient(server);
    const session = await client.started();
    const over = new AbortController();
    const watched = watch({ url: server.url, session }, over.signal);
    const command = `for i in $(seq 1 ${lines}); do echo line-$i; sleep 0.05; done`;
    const chat = client.chat(session, `Print\n\`\`\`sh\n${command}\n\`\`\``).catch(() => {});
    const shows = (line: number) => watched.printed().includes(`line-${line}`);
    await waitUntil(() => shows(5), 'the command began'); // a kill before the start would leave its outcome unknown
    process.kill(server.pid, 'SIGKILL');
    await server[Symbol.asyncDispose]();
    server = await startServer(settings);
    await waitUntil(() => shows(lines), 'the output went on');
    await pause(500);
    over.abort();
    await chat;
    await client.remove(session);
    return { samples: [watched.gap()], correct: watched.correct() };
  }

  async function peer() {
    const from = monotonicMs();
    await using _empty = await startServer({ CORRAL_DRIVER: 'process' });
    return [monotonicMs() - from];
  }
  return { subject, peer };
}

function watch({ url, session }: { url: string; session: string }, signal: AbortSignal) {
  const seqs: number[] = [];
  const output: { text: string; at: number }[] = [];
  const read = async () => {
    const { body } = await fetch(`${url}${eventsPath(session, seqs.at(-1) ?? 0)}`, { signal });
    for await (const { id, data } of parseServerSentEvents(body as ReadableStream<Uint8Array>)) {
      if (id === undefined) continue;
      seqs.push(Number(id));
      const event = JSON.parse(data ?? '{}');
      if (event.type === 'tool.output') output.push({ text: event.data.text, at: monotonicMs() });
    }
  };
  void (async () => {
    while (!signal.aborted) await read().catch(() => pause(10));
  })();
  /** Complete lines only. */
  const printed = () =>
    output
      .map(({ text }) => text)
      .join('')
      .split(/\r?\n/)
      .slice(0, -1);
  return {
    printed,
    gap: () => Math.max(...output.map(({ at }, n) => at - (output[n - 1]?.at ?? at))),
    correct(): DeliveryCounts {
      const got = printed();
      const received = Array.from({ length: lines }, (_, n) => `line-${n + 1}`).filter((it) => got.includes(it)).length;
      const duplicated = Math.max(...[seqs, got].map((all) => all.length - new Set<unknown>(all).size));
      const reordered = seqs.every((seq, n) => n === 0 || seq > (seqs[n - 1] as number)) ? 0 : 1;
      return { ...toDeliveryCounts(lines, received), duplicated, reordered };
    },
  };
}

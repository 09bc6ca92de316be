import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { findBubblewrap } from '../../drivers/process/find-bubblewrap.ts';
import { coldStart, sessionClient } from '../lib/client.ts';
import { timedPost, waitingClient } from '../lib/exchange.ts';
import { monotonicMs } from '../lib/generator.ts';
import type { Experiment, Mode, Pair, Row } from '../lib/measure.ts';
import { callOf, send } from '../lib/model-clock.ts';
import { startServer } from '../lib/server.ts';

// From the request for a session, whose first message follows at once, to the result of its first tool call, a command that
// does nothing. The model takes its time for the plan. The peer is what cannot be avoided: the longer one of the plan and
// of a start of a sandbox, which is measured in turns with it.

const planMs = 400;
/** The command writes the mark without having it, because its own text is an event, too. */
const mark = 'call-number-7-is-over';
const command = 'echo call-number-$((3 + 4))-is-over';

export const P76: Row = {
  id: 'P76',
  title: 'time to the first tool call',
  missing: async () => ((await findBubblewrap('bwrap')) ? undefined : 'bubblewrap does not work here'),
  experiments: (mode) => [experiment(mode)],
};

function experiment(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ id: 'P76', variant: { driver: 'process', planMs }, unit: 'ms', better: 'lower', feels: 'noise' },
    ...{ subject: 'corral', peer: 'the longer one of plan and start' },
    goals: [{ stat: 'p50', max: 1.2, level: 'lead' }],
    rounds: { warmUp: 1, min: 5, max: quick ? 8 : 30, capMs: quick ? 30_000 : 200_000 },
    open: () => openPair(quick ? 4 : 10),
  };
}

async function openPair(count: number): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const model = stack.use(await slowPlanner());
  const compatible = { local: { 'base-url': `${model.url}/v1` } };
  const settings = { CORRAL_MODEL: 'local/bench', CORRAL_MODELS_COMPATIBLE: JSON.stringify(compatible) };
  const server = stack.use(await startServer({ CORRAL_DRIVER: 'process', CORRAL_EGRESS_POLICY: 'none', ...settings }));
  const client = stack.use(sessionClient(server));
  const held = stack.move();
  const samples = async (one: () => Promise<number>) => {
    const all: number[] = [];
    for (let n = 0; n < count; n++) all.push(await one());
    return { samples: all };
  };
  return {
    peer: () => samples(async () => Math.max(planMs, await coldStart(client))),
    subject: () =>
      samples(async () => {
        const from = monotonicMs();
        const session = await client.create();
        using events = await waitingClient(`${client.urlOf(session)}/events`);
        const over = events.hears(mark);
        const asked = timedPost(`${client.urlOf(session)}/chat`, { message: 'Begin.' });
        const ms = (await over) - from;
        await asked;
        await client.remove(session);
        return ms;
      }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** A model that plans slowly and then calls one command at once. */
async function slowPlanner(): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer(async (request, res) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (body.includes(mark)) return send(res, { content: 'All of it was done.' });
    if (body.includes('Noted.')) return send(res, callOf('shell_exec', { id: 'main', command }));
    await pause(planMs);
    send(res, callOf('make_plan', { title: 'Begin', steps: ['Begin'], acknowledgement: 'Noted.' }));
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

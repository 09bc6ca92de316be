import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { crc32 } from 'node:zlib';
import { e2bSandbox, missingSdk } from '../lib/e2b-sandbox.ts';
import { missingEngine } from '../lib/engine-api.ts';
import { goodAnswer } from '../lib/good-answer.ts';
import { linePeer } from '../lib/line-peer.ts';
import type { Experiment, Mode, Pair, Row } from '../lib/measure.ts';
import { peerPython, pythonPackage } from '../lib/peer-packages.ts';
import { timedSamples } from '../lib/timed-samples.ts';
import { rawRead, rawWrite } from '../peers/raw-archive.ts';

// The price of E2B's SDK. `command`: `true` in the same sandbox, through the SDK and through Corral's own client. `up` and
// `down`: 100 MB through a signed URL of `/files`; the peer is the engine's archive API, as `docker cp` uses it. `cell`: a
// cell of Python and its result, through the SDK; the peer is a Jupyter kernel on this machine, without a sandbox.

const bytes = 100_000_000;
const cell = 'sum(range(10))';

export const P77: Row = {
  id: 'P77',
  title: "a program on E2B's SDK, Docker",
  missing: async () => (await missingEngine()) ?? (await missingSdk()),
  experiments: (mode) => [command(mode), transfer('up', mode), transfer('down', mode), code(mode)],
};
const base = { id: 'P77', subject: 'e2b-sdk', unit: 'ms', better: 'lower', feels: 'noise' } as const;

function command(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ ...base, variant: { of: 'command' }, peer: 'corral-client' },
    goals: [{ stat: 'p50', max: 1.2, level: 'lead' }],
    rounds: { warmUp: 2, min: 5, max: quick ? 12 : 60, capMs: quick ? 10_000 : 90_000 },
    async open(): Promise<Pair> {
      await using stack = new AsyncDisposableStack();
      const { sandbox, box } = stack.use(await e2bSandbox());
      const times = quick ? 20 : 60;
      const through = (run: () => Promise<{ readonly exitCode: number | null }>) =>
        timedSamples(times, async () => {
          const { exitCode } = await run();
          if (exitCode !== 0) throw new Error(`"true" ended with ${exitCode}`);
        });
      const held = stack.move();
      return {
        subject: () => through(() => sandbox.commands.run('true')),
        peer: () => through(() => box.exec('true')),
        [Symbol.asyncDispose]: () => held.disposeAsync(),
      };
    },
  };
}

function transfer(way: 'up' | 'down', mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ ...base, variant: { of: `100 MB ${way}` }, peer: 'engine-api-archive' },
    goals: [{ stat: 'p50', max: 1.43, level: 'lead' }], // 0.7 of the speed
    rounds: { warmUp: 1, min: quick ? 4 : 8, max: quick ? 8 : 40, capMs: quick ? 20_000 : 120_000 },
    async open(): Promise<Pair> {
      await using stack = new AsyncDisposableStack();
      const { sandbox, container } = stack.use(await e2bSandbox());
      const content = randomBytes(bytes);
      const crc = crc32(content);
      const [own, engines] = ['/home/user/of-corral.bin', '/home/user/of-the-engine.bin'];
      const up = async () => {
        for await (const _answer of await asked(await sandbox.uploadUrl(own), content));
      };
      const down = async () => {
        let sum = 0;
        for await (const chunk of await asked(await sandbox.downloadUrl(own))) sum = crc32(chunk as Buffer, sum);
        if (sum !== crc) throw new Error('another file came back');
      };
      await up();
      await rawWrite(container.Id, engines, content);
      const engineDown = async () => {
        let sum = 0;
        await rawRead(container.Id, engines, (chunk) => {
          sum = crc32(chunk, sum);
        });
        if (sum !== crc) throw new Error('the engine gave another file back');
      };
      const engineUp = () => rawWrite(container.Id, engines, content);
      const held = stack.move();
      return {
        subject: () => timedSamples(1, way === 'up' ? up : down),
        peer: () => timedSamples(1, way === 'up' ? engineUp : engineDown),
        [Symbol.asyncDispose]: () => held.disposeAsync(),
      };
    },
  };
}

/** By the same client as the peer's: `fetch` alone takes a quarter of a second for 100 MB. */
async function asked(url: string, body?: Buffer): Promise<IncomingMessage> {
  const headers = body && { 'content-type': 'application/octet-stream', 'content-length': body.length };
  return goodAnswer(
    request(url, { method: body ? 'POST' : 'GET', agent: false, ...(headers && { headers }) }).end(body),
  );
}

function code(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ ...base, variant: { of: 'cell' }, peer: 'ipykernel' },
    goals: [{ stat: 'p50', max: 1.3, level: 'lead' }],
    rounds: { warmUp: 2, min: 5, max: quick ? 12 : 60, capMs: quick ? 10_000 : 90_000 },
    async open(): Promise<Pair> {
      if (!existsSync(pythonPackage('ipykernel'))) throw new Error('ipykernel is missing: bash bench/peers/install.sh');
      await using stack = new AsyncDisposableStack();
      const { sandbox } = stack.use(await e2bSandbox());
      const kernel = stack.use(await linePeer([peerPython, 'bench/peers/ipykernel-cell.py', cell, '45']));
      await kernel.ask('open');
      const times = quick ? 20 : 60;
      const held = stack.move();
      return {
        subject: () =>
          timedSamples(times, async () => {
            const { text } = await sandbox.runCode(cell);
            if (text !== '45') throw new Error(`the cell gave ${text}`);
          }),
        async peer() {
          const samples: number[] = [];
          for (let n = 0; n < times; n++) samples.push(await kernel.ask('exec'));
          return { samples };
        },
        [Symbol.asyncDispose]: () => held.disposeAsync(),
      };
    },
  };
}

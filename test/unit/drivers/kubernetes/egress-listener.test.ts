import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { createSandboxTokenDeriver } from '../../../../drivers/kubernetes/pods/sandbox-tokens.ts';
import { listenForEgress } from '../../../../drivers/kubernetes/policies/egress-listener.ts';
import { sandboxIdOf, sessionIdOf } from '../../../../src/core/model/ids.ts';
import { Secret } from '../../../../src/core/text/secret.ts';

const host = '127.0.0.1';
const id = sandboxIdOf('0123456789abcdef' as never);
const keys = createSandboxTokenDeriver('test', [new Secret('a key of the test')]);

async function listener(port = 0) {
  const served: unknown[] = [];
  const opened = await listenForEgress({
    listen: { host, port },
    keys,
    gate: {
      serve: (socket, from) => {
        served.push(from);
        socket.end('served');
      },
    },
  });
  onTestFinished(() => opened[Symbol.asyncDispose]());
  return { ...opened, served };
}

/** The answer to a forwarder that begins with the line of this token. */
async function dial(port: number, token: string): Promise<string> {
  const socket = connect({ port, host });
  socket.write(`corral-egress 1 ${id} ${token}\n`);
  return await text(socket);
}

test('many pods that dial at once all reach the gate', async () => {
  const { port, served } = await listener();
  const answers = Array.from({ length: 40 }, () => dial(port, keys.egressToken(id).reveal()));
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['served']));
  expect([served.length, served[0]]).toEqual([40, { id, sessionId: sessionIdOf(id) }]);
});

test('a token of another sandbox opens nothing', async () => {
  const { port, served } = await listener();
  expect(await dial(port, keys.egressToken(sandboxIdOf('f'.repeat(16) as never)).reveal())).toBe('');
  expect(served).toEqual([]);
});

test('a port that is taken is refused', async () => {
  const { port } = await listener();
  await expect(listener(port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('a listener that is closed lets nobody in and ends who is there', async () => {
  const { port, ...opened } = await listener();
  const socket = connect({ port, host }).on('error', () => {});
  await once(socket, 'connect');
  const ended = once(socket.resume(), 'close');
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate); // until the listener has connected to it
  await opened[Symbol.asyncDispose]();
  await ended;
  await expect(dial(port, 'none')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

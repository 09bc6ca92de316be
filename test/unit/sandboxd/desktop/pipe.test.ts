import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createBrowserPipe } from '../../../../sandbox-images/sandboxd/desktop/browser-pipe.ts';

/** A Chromium that answers every command, and records them. */
function chromium() {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const requests: string[] = [];
  let rest = '';
  input.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk).split('\0');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      if (!part.endsWith('}')) {
        requests.push(`cut: ${part}`);
        continue;
      }
      const { id, method, params } = JSON.parse(part) as { id: number; method: string; params: { sessionId?: string } };
      requests.push([method, params.sessionId].filter(Boolean).join(' '));
      output.write(`{"id":${id},"result":{}}\0`);
    }
  });
  const pipe = createBrowserPipe(input, output);
  return { pipe, requests, say: (text: string) => output.write(text) };
}
const used = () => {};
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test('bytes pass both ways as they are', async () => {
  const { pipe, say } = chromium();
  const client = await pipe.open(used);
  const received: string[] = [];
  client.on('data', (chunk) => received.push(String(chunk)));
  client.write('{"id":1,"method":"A.b","params":{}}\0');
  say('{"method":"C.d"}\0{"met');
  say('hod":"E.f"}\0');
  await settled();
  await settled();
  expect(received.join('')).toContain('{"method":"C.d"}\0{"method":"E.f"}\0');
  expect(received.join('')).toContain('{"id":1,"result":{}}\0');
});

test('a new client first detaches everything of the earlier client, which gets no further messages', async () => {
  const { pipe, requests, say } = chromium();
  const first = await pipe.open(used);
  first.resume();
  say('{"method":"Target.attachedToTarget","params":{"sessionId":"S1","targetInfo":{}}}\0');
  say('{"method":"Target.attachedToTarget","params":{"sessionId":"S2","targetInfo":{}}}\0{"method":"Target.detached');
  say('FromTarget","params":{"sessionId":"S2"}}\0');
  await settled();
  const second = await pipe.open(used);
  expect(first.destroyed).toBe(true);
  expect(requests).toEqual([
    ...['Target.setAutoAttach', 'Target.setDiscoverTargets', 'Browser.setDownloadBehavior'],
    'Target.detachFromTarget S1',
  ]);
  const received: string[] = [];
  second.on('data', (chunk) => received.push(String(chunk)));
  await settled();
  expect(received).toEqual([]);
});

test('a message that its client never finished is ended, so that the next one is not taken for its rest', async () => {
  const { pipe, requests } = chromium();
  const first = await pipe.open(used);
  first.write('{"id":1,"method":"A.');
  await settled();
  first.destroy();
  await pipe.open(used);
  expect([requests[0], requests[1]]).toEqual(['cut: {"id":1,"method":"A.', 'Target.setAutoAttach']);
});

test('the browser is held back by a client that does not read', async () => {
  const { pipe, say } = chromium();
  const client = await pipe.open(used);
  await settled();
  let isTaken = true;
  for (let sent = 0; sent < 200 && isTaken; sent++) {
    isTaken = say('x'.repeat(16_384));
    await settled();
  }
  expect(isTaken).toBe(false);
  client.destroy();
});

test('a dead browser answers no request, and the next client fails at once', async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const pipe = createBrowserPipe(input, output);
  const answer = pipe.answers();
  const first = await pipe.open(used);
  const next = pipe.open(used); // waits for the browser to release the first client, which never happens
  output.destroy();
  expect(await answer).toBe(false);
  await expect(next).rejects.toMatchObject({ code: 'sandbox_unavailable' });
  expect(first.destroyed).toBe(true);
});

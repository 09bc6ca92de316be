import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { findProtocolViolation } from '../../../../src/core/model/protocol-violation.ts';
import type { DaemonResponseName } from '../../../../src/sandboxes/client/answers/answers.ts';
import { daemonResponseRules } from '../../../../src/sandboxes/client/answers/answers.ts';
import {
  validateDaemonResponse,
  validateResponseInTurn,
} from '../../../../src/sandboxes/client/answers/validate-answer.ts';
import type { SandboxClient } from '../../../../src/sandboxes/client/client.ts';
import { facing, http, saying } from '../../../support/facing.ts';

type Ask = (client: SandboxClient, signal: AbortSignal) => Promise<unknown>;
const operation = { id: 'o', state: 'exited', exitCode: 0, bytes: 3, spool: '.corral/o', pid: 7, startedAt: 1 };
const restarts = { display: 0, browser: 0 };
const desktop = { state: 'running', browser: 'running', width: 1280, height: 800, restarts };
const modified = new Date(0).toISOString();

/** Every call with a JSON answer, with an example of a correct answer. */
const routes: Record<string, { ask: Ask; right: unknown }> = {
  'GET /health': {
    ask: (client, signal) => client.health(signal),
    right: { version: '1', bootId: 'b', idleMs: 0, oomKills: 0, desktop },
  },
  'GET /usage': {
    ask: (client, signal) => client.usage(signal),
    right: { cpuSeconds: 1.5, memoryBytes: 1, memoryLimitBytes: null, processes: 1 },
  },
  'POST /operations': {
    ask: (client, signal) => client.start({ id: 'o', shell: 's', command: 'true' }, signal),
    right: operation,
  },
  'GET /operations/{id}': { ask: (client, signal) => client.operation('o', signal), right: operation },
  'GET /shells/{id}': {
    ask: (client, signal) => client.view('s', signal),
    right: { id: 's', console: [{ ps1: '$ ', command: 'true', output: '' }] },
  },
  'POST /kill': {
    ask: (client, signal) => client.killTagged('t', signal, { shells: ['s'], chars: 100 }),
    right: { killed: 1, shells: [{ id: 's', console: [{ ps1: '$ ', command: 'true', output: '' }] }] },
  },
  'POST /exec': {
    ask: (client, signal) => client.exec({ command: 'true' }, signal),
    right: { exitCode: 0, stdout: '', stderr: '', timedOut: false },
  },
  'GET /files/list': {
    ask: (client, signal) => client.listFiles('.', signal),
    right: [{ name: 'a', type: 'file', size: 1, modified }],
  },
  'GET /files/find': {
    ask: (client, signal) => client.find('.', '*', signal),
    right: { matches: ['a/b'], truncated: false },
  },
  'GET /files/grep': {
    ask: (client, signal) => client.grep('.', 'x', signal),
    right: { matches: [{ file: 'a', line: 1, content: 'x' }], truncated: true },
  },
  'GET /processes': {
    ask: (client, signal) => client.processes(signal),
    right: [{ pid: 1, cmd: 'init', started: modified }],
  },
  'POST /terminals': { ask: (client, signal) => client.terminals.open('t', signal), right: { id: 't', startedAt: 1 } },
  'GET /terminals': { ask: (client, signal) => client.terminals.list(signal), right: [{ id: 't', startedAt: 1 }] },
  'GET /desktop/status': { ask: (client, signal) => client.desktop.status(signal), right: desktop },
  'POST /desktop/start': { ask: (client, signal) => client.desktop.start(signal), right: desktop },
  'GET /desktop/pointer': { ask: (client, signal) => client.desktop.pointer(signal), right: { x: 1, y: 2 } },
};
/** Every call whose answer has no body. */
const silent: Record<string, Ask> = {
  'POST /shells/{id}/input': (client, signal) => client.write('s', 'x', signal),
  'POST /shells/{id}/kill': (client, signal) => client.kill('s', signal),
  'PUT /files/content': (client, signal) => client.writeFile('a', 'x', signal),
  'DELETE /files/content': (client, signal) => client.removeFile('a', signal),
  'POST /processes/{id}/signal': (client, signal) => client.signalProcess(7, 'SIGTERM', signal),
  'POST /terminals/{id}/input': (client, signal) => client.terminals.write('t', 'x', signal),
  'POST /terminals/{id}/size': (client, signal) => client.terminals.resize('t', { cols: 1, rows: 1 }, signal),
  'DELETE /terminals/{id}': (client, signal) => client.terminals.close('t', signal),
  'POST /desktop/stop': (client, signal) => client.desktop.stop(signal),
  'POST /desktop/browser/restart': (client, signal) => client.desktop.restartBrowser(signal),
  'POST /desktop/act': (client, signal) => client.desktop.act({ kind: 'move', x: 1, y: 1 }, signal),
};
const streams: Record<string, Ask> = {
  'GET /operations/{id}/output': (client, signal) => client.follow('o', 0, () => {}, signal),
  'GET /files/content': (client, signal) => client.readFile('a', signal),
  'GET /terminals/{id}/stream': (client, signal) => client.terminals.read('t', { onBytes: () => {} }, signal),
  'GET /desktop/screenshot': (client, signal) => client.desktop.screenshot(signal),
  'GET /desktop/vnc': (client, signal) => client.desktop.vnc(signal),
  'GET /desktop/cdp': (client, signal) => client.desktop.cdp(signal),
};
const every: Record<string, Ask> = {
  ...Object.fromEntries(Object.entries(routes).map(([name, { ask }]) => [name, ask])),
  ...silent,
  ...streams,
};
const upgraded = 'HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: corral-stream\r\n\r\n';
const names = Object.keys(daemonResponseRules) as DaemonResponseName[];
const budget = () => AbortSignal.timeout(60_000);
const status = (line: string, body = '') => `HTTP/1.1 ${line}\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

async function refused(client: SandboxClient, ask: Ask) {
  const thrown: unknown = await ask(client, budget()).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(AppError);
  expect([(thrown as AppError).code, client.trust.broken.aborted]).toEqual(['sandbox_untrusted', true]);
  return findProtocolViolation(thrown);
}

describe.each(Object.entries(routes))('the answer of %s', (call, { ask, right }) => {
  test('is accepted when it is valid, without its additional fields', async () => {
    const beside = Array.isArray(right) ? right : { ...(right as object), later: 'field' };
    expect(await ask(await saying(http(JSON.stringify(beside))), budget())).toEqual(right);
  });

  test.each([
    ['null', 'null'],
    ['a number', '1'],
    ['a text', '"x"'],
    ['another shape', '{"x":1}'],
    ['a list of lists', '[[]]'],
    ['a list of nothing', '[null]'],
    ['fields of other kinds', JSON.stringify(right).replaceAll(/:("[^"]*"|\d+|true|false)/g, ':{}')],
    ['a field that is missing', JSON.stringify(right).replace(/"(\w+)":/, '"other":')],
    [
      'numbers beyond all',
      JSON.stringify(right)
        .replaceAll(/:(\d+|true|false)/g, ':1e999')
        .replace(/:"[^"]*"/, ':1e999'),
    ],
    ['nothing', ''],
    ['no JSON', '<html>'],
    ['half of it', JSON.stringify(right).slice(0, -1)],
  ])('is refused when it is %s', async (_, body) => {
    const breach = await refused(await saying(http(body)), ask);
    expect(breach).toMatchObject({ call, reason: expect.stringMatching(/wrong_shape|not_json/) });
  });

  test('is refused when it is deep, long or large, before anything is made of it', async () => {
    for (const body of ['['.repeat(200_000), `[${'0,'.repeat(200_000)}0]`]) {
      expect((await refused(await saying(http(body)), ask))?.reason).toMatch(/too_complex|too_large/);
    }
    const huge = 'HTTP/1.1 200 OK\r\ncontent-length: 67108864\r\n\r\n{';
    expect(await refused(await saying(huge), ask)).toMatchObject({ reason: 'too_large' });
  });
});

describe.each(Object.entries(every))('whatever answers %s', (call, ask) => {
  test.each([
    ['no HTTP', '\x00\x01 not http\r\n\r\n', 'not_http'],
    ['headers without end', `HTTP/1.1 200 OK\r\n${`x: ${'y'.repeat(100)}\r\n`.repeat(1_000)}`, 'bad_headers'],
    ['answers before the answer', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(3), 'bad_status'],
    ['a redirection', status('302 Found'), 'bad_status'],
    ['a status nobody knows', status('299 Odd', 'null'), 'bad_status'],
    ['an error that is none of ours', status('500 X', 'null'), 'wrong_shape'],
    ['an error that is no JSON', status('400 X', '<html>'), 'not_json'],
    ['an error without end', 'HTTP/1.1 500 X\r\ncontent-length: 99999999\r\n\r\n', 'too_large'],
  ])('%s is reported by its name, and ends the trust', async (_, answer, reason) => {
    const client = await saying(answer);
    expect(await refused(client, ask)).toMatchObject({ call, reason });
    // Later calls fail before they reach the daemon.
    await expect(client.health(budget())).rejects.toMatchObject({ code: 'sandbox_untrusted' });
  });

  test.each(['session_not_found', 'unauthorized', 'forbidden', 'shutting_down', 'fenced', 'internal', 'cancelled'])(
    "a sandbox cannot use the server's error code %s",
    async (code) => {
      const client = await saying(status('400 X', JSON.stringify({ error: { code, message: 'm' } })));
      await expect(ask(client, budget())).rejects.toMatchObject({ code: 'sandbox_unavailable' });
      expect(client.trust.broken.aborted).toBe(false);
    },
  );
});

test.each(Object.entries(silent))('%s is refused when it is answered with something', async (call, ask) =>
  expect(await refused(await saying(http('{}')), ask)).toMatchObject({ call, reason: 'bad_status' }),
);

test('the client refuses a protocol upgrade that it did not request', async () => {
  const breach = await refused(await saying(upgraded), (it, signal) => it.health(signal));
  expect(breach).toMatchObject({ reason: 'bad_status', call: 'GET /health' });
});

test('a display that does not begin as RFB does is refused', async () => {
  const breach = await refused(await saying(`${upgraded}GET / HTTP/1.1\r\n\r\n`), (it, signal) =>
    it.desktop.vnc(signal),
  );
  expect(breach).toMatchObject({ reason: 'bad_frame', call: 'GET /desktop/vnc' });
});

test('a daemon that answers on the stream of what is typed is refused', async () => {
  const health = JSON.stringify({ version: '1.4.0', bootId: 'b', idleMs: 0, oomKills: 0 });
  const client = await facing((socket) =>
    socket.on(
      'data',
      (requested) => void socket.write(`${requested}`.includes('keyboard') ? `${upgraded}x` : http(health)),
    ),
  );
  const keyboard = await client.terminals.keyboard('t', budget());
  await expect.poll(() => keyboard?.closed).toBe(true);
  expect(findProtocolViolation(client.trust.broken.reason)).toMatchObject({ call: 'GET /terminals/{id}/keyboard' });
});

test('a large answer is the same as it was sent', async () => {
  const list = Array.from({ length: 5_000 }, (_, n) => ({ name: `file ${n}`, type: 'file', size: n, modified }));
  const client = await saying(http(JSON.stringify(list)));
  expect(await client.listFiles('.', budget())).toEqual(list);
  const stdout = 'é\u0001'.repeat(100_000);
  const ran = { exitCode: 0, stdout, stderr: '', timedOut: false };
  expect(await validateResponseInTurn('exec', Buffer.from(JSON.stringify(ran)))).toEqual({ ok: true, value: ran });
  const matches = Array.from({ length: 1_000 }, (_, n) => `${'d/'.repeat(100)}${n}`);
  const found = { matches, truncated: true };
  expect(await validateResponseInTurn('found', Buffer.from(JSON.stringify(found)))).toEqual({ ok: true, value: found });
});

test('whatever the bytes are, an answer is judged without a throw, and never more than its shape', () => {
  fc.assert(
    fc.property(fc.constantFrom(...names), fc.oneof(fc.json(), fc.string()), (name, text) => {
      const reply = validateDaemonResponse(name, Buffer.from(text));
      if (reply.ok) expect(daemonResponseRules[name].shape.safeParse(JSON.parse(text)).success).toBe(true);
      else expect(reply.reason).toMatch(/not_json|wrong_shape|too_complex/);
    }),
    { numRuns: 2_000 },
  );
});

test('an answer that is changed in one place is taken only where its shape still holds', () => {
  const all = Object.values(routes).map(({ right }) => JSON.stringify(right));
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.constantFrom(...all),
      fc.nat(),
      fc.constantFrom('null', '-1', '[', '}', '""', '1e999', '{"__proto__":1}'),
      (name, text, at, put) => {
        const place = at % text.length;
        expect(() =>
          validateDaemonResponse(name, Buffer.from(text.slice(0, place) + put + text.slice(place + 1))),
        ).not.toThrow();
      },
    ),
    { numRuns: 2_000 },
  );
});

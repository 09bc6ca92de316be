// @module-tag all
import vm from 'node:vm';
import { expect, onTestFinished, test } from 'vitest';
import { needs } from '../../support/servers/components.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

// Runs the example from the facade's own description. The test adds only a wait before the first send: a socket that
// still connects throws, with any server.
const example = `
const ws = new WebSocket('ws://localhost:8001/ws?user_id=123');

ws.onopen = () => {
  console.log('Connected to WebSocket');
};

ws.onmessage = (event) => {
  const data = JSON.parse(event.data);
  console.log('Received:', data);
};

await new Promise((resolve) => ws.addEventListener('open', resolve));
ws.send(JSON.stringify({
  type: 'execute_code',
  sessionId: 'my-workspace-uuid',
  code: 'print("Hello from Python")',
  filename: 'main.py'
}));

ws.send(JSON.stringify({
  type: 'terminal_command',
  sessionId: 'my-workspace-uuid',
  command: 'python3 --version'
}));
`;

test('the example in the description works as written, on a port of its own', async (context) => {
  await needs(context, 'bubblewrap');
  const port = await freePort();
  await using server = await serverProcess({
    CORRAL_DRIVER: 'process',
    CORRAL_EXTRA_PORTS: String(port),
    CORRAL_WORKSPACE_GRACE_SECONDS: '0',
    CORRAL_EGRESS_POLICY: 'none',
  });
  const messages: unknown[][] = [];
  let opened: WebSocket | undefined;
  class Here extends WebSocket {
    constructor(url: string) {
      super(url.replace('8001', String(port)));
      opened = this;
    }
  }
  onTestFinished(() => opened?.close());
  const globals = {
    WebSocket: Here,
    console: { log: (...words: unknown[]) => void messages.push(words) },
    JSON,
    Promise,
  };
  await vm.runInNewContext(`(async () => {${example}})()`, globals);
  await expect.poll(() => messages.length).toBe(4);
  expect(messages[0]).toEqual(['Connected to WebSocket']);
  expect(messages.slice(1).map(([word, frame]) => [word, frame])).toMatchObject([
    ['Received:', { type: 'connected', user_id: '123' }],
    [
      'Received:',
      {
        type: 'execution_result',
        success: true,
        output: 'Hello from Python\n',
        error: null,
        sessionId: 'my-workspace-uuid',
      },
    ],
    [
      'Received:',
      { type: 'terminal_output', output: expect.stringMatching(/^Python 3/), sessionId: 'my-workspace-uuid' },
    ],
  ]);
  // Every facade shows the session, on the first port too.
  const { data } = (await (await fetch(`${server.url}/api/v1/sessions`)).json()) as {
    data: { sessions: { session_id: string; title: string }[] };
  };
  expect(data.sessions).toMatchObject([{ title: 'my-workspace-uuid' }]);
  await fetch(`${server.url}/api/v1/sessions/${data.sessions[0]?.session_id}`, { method: 'DELETE' });
});

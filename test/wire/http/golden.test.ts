import { expect } from 'vitest';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { testServer } from '../../support/clients/http.ts';
import { httpTest as test } from '../../support/clients/server-tests.ts';
import { openStream } from '../../support/clients/sse-client.ts';
import { demoRun } from '../../support/servers/demo-run.ts';

/** The first events have this time; the events of the command's end come a second later. */
const at = 1_735_689_600_000;

const golden = `: connected

id: 3
event: title
data: {"event_id":"3","timestamp":1735689600,"title":"Say hi"}

id: 6
event: message
data: {"event_id":"6","timestamp":1735689600,"role":"assistant","content":"Working on it: Say hi","attachments":null}

id: 7
event: plan
data: {"event_id":"7","timestamp":1735689600,"steps":[{"id":"1","description":"Run a command","status":"pending"}]}

id: 8
event: step
data: {"event_id":"8","timestamp":1735689600,"id":"1","description":"Run a command","status":"running"}

id: 9
event: tool
data: {"event_id":"9","timestamp":1735689600,"tool_call_id":"call_1","name":"shell","status":"calling","function":"shell_exec","args":{"id":"main","exec_dir":"/workspace","command":"echo hi"},"content":null}

id: 10
event: tool
data: {"event_id":"10","timestamp":1735689601,"tool_call_id":"call_1","name":"shell","status":"called","function":"shell_exec","args":{"id":"main","exec_dir":"/workspace","command":"echo hi"},"content":{"console":[{"ps1":"corral:~$ ","command":"echo hi","output":"hi\\n"}]}}

id: 11
event: step
data: {"event_id":"11","timestamp":1735689601,"id":"1","description":"Run a command","status":"completed"}

id: 14
event: message
data: {"event_id":"14","timestamp":1735689601,"role":"assistant","content":"It says hi.","attachments":null}

id: 15
event: plan
data: {"event_id":"15","timestamp":1735689601,"steps":[{"id":"1","description":"Run a command","status":"completed"}]}

id: 18
event: message
data: {"event_id":"18","timestamp":1735689601,"role":"assistant","content":"All done: hi","attachments":null}

id: 19
event: done
data: {"event_id":"19","timestamp":1735689601}

`;

test('a chat streams exactly the bytes of the example in the wire contract', async () => {
  let now = at;
  const clock: Clock = { ...systemClock, now: () => now };
  await using server = await testServer({
    clock,
    play: async (fake, id, { runId }) => {
      const facts = demoRun(runId);
      await fake.say(id, ...facts.slice(0, 7));
      now += 1_400;
      for (const fact of facts.slice(7)) await fake.say(id, fact);
    },
  });
  const sid = await server.newSession();
  using stream = await openStream(`${server.url}/api/v1/sessions/${sid}/chat`, {
    method: 'POST',
    body: { message: 'Say hi\n```sh\necho hi\n```' },
  });
  expect(await stream.ended).toBe('ended');
  expect(stream.raw()).toBe(golden);
});

test('a stream has the headers that stop proxies from buffering it', async ({ server }) => {
  const sid = await server.newSession();
  using stream = await openStream(`${server.url}/api/v1/sessions/${sid}/events`, {
    headers: { origin: 'http://localhost:3000' },
  });
  expect(stream.status).toBe(200);
  expect(stream.headers).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'access-control-allow-origin': 'http://localhost:3000',
    vary: 'Origin',
    'ratelimit-limit': '100000',
  });
});

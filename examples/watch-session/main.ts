// Creates a session, gives it a task, and prints what happens until its run ends. See README.md.
import { createCorralClient, type Event } from 'corral/client';

const url = process.env.CORRAL_URL ?? 'http://127.0.0.1:8000';
const token = process.env.CORRAL_TOKEN;
const task = process.argv[2] ?? 'Say hi\n```sh\necho hi from $(hostname)\n```';

using corral = createCorralClient({ url, ...(token && { token }) });

const session = await corral.sessions.create.mutate().catch((error: Error) => {
  console.error(
    `${url} did not create a session: ${error.message} Check that a server runs there and that CORRAL_TOKEN is its token.`,
  );
  process.exit(1);
});
console.log(`session ${session.id}`);

const ended = Promise.withResolvers<string>();
corral.events.subscribe.subscribe(
  { sessionId: session.id, lastEventId: '0' }, // from the beginning; without an id, from now on
  {
    onData({ data: event }) {
      if (event.type === 'resync') return; // only sessions with tens of thousands of events drop old ones
      const line = describe(event);
      if (line) console.log(`${String(event.seq).padStart(4)}  ${line}`);
      if (event.type === 'run.end') ended.resolve(event.data.status);
    },
    onError: ended.reject, // a lost connection is not an error: the client reconnects and continues after the last event
    onComplete: () => ended.resolve('deleted'),
  },
);
await corral.runs.send.mutate({ sessionId: session.id, text: task });

const status = await ended.promise;
console.log(`the run is ${status}`);
process.exitCode = status === 'completed' ? 0 : 1;

function describe(event: Event): string | undefined {
  switch (event.type) {
    case 'message.user':
      return `you: ${firstLine(event.data.text)}`;
    case 'message.assistant':
      return `agent: ${firstLine(event.data.text)}`;
    case 'plan':
      return `plan: ${event.data.steps.map((step) => `${step.description} (${step.status})`).join(', ')}`;
    case 'tool.calling':
      return `${event.data.function} ${JSON.stringify(event.data.args)}`;
    case 'tool.called':
      return `${event.data.success ? 'worked' : 'failed'}: ${firstLine(event.data.output)}`;
    case 'run.wait':
      return `asks: ${event.data.question}`;
    case 'run.error':
      return `error: ${event.data.error}`;
    default:
      return undefined;
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n', 1)[0] ?? '';
}

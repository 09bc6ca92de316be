import { parseArgs } from 'node:util';
import type { ServerAddress } from '../../cli/server.ts';
import { type CorralClient, createCorralClient } from '../../client/index.ts';
import { combineSignals, raceAbort } from '../../core/concurrency/cancel.ts';
import { AppError } from '../../core/errors/errors.ts';
import { type CommandTerminal, parseWithUsage, type ServerCommandDefinition } from './command.ts';
import { resolveServerAddress, sendServerRequest, urlOption } from './server-request.ts';

const task = [
  'Try the sandbox',
  '```sh',
  'echo "answer $((40 + 2)) from $(hostname)" && printf made > try.txt && sleep 1',
  '```',
].join('\n');

export const tryCommand: ServerCommandDefinition = {
  usage: '[--url <address>] [--timeout <seconds>]',
  about:
    'runs a whole session on a server, with the demo model or any model that follows instructions; CORRAL_TOKEN is its token',
  async run(args, at) {
    const { url, token, timeout } = parsed(args);
    const patience = combineSignals([at.signal, AbortSignal.timeout(Number(timeout) * 1_000)]);
    await mustServe(url, token, patience);
    using corral = createCorralClient({ url, transport: 'ws', ...(token && { token }) });
    const session = await within(corral.sessions.create.mutate(), patience).catch((thrown: unknown) => {
      if (thrown instanceof AppError) throw thrown;
      throw new AppError('invalid_request', `${url} did not create a session: ${(thrown as Error).message}.`);
    });
    at.print(`session ${session.id} on ${url}`);
    try {
      await runTask(corral, session.id, patience, at);
      const { content } = await within(corral.files.read.query({ sessionId: session.id, path: 'try.txt' }), patience);
      if (content !== 'made') throw failed(`the file contains ${JSON.stringify(content)}`);
      at.print('the file that it wrote is there');
    } finally {
      await corral.sessions.delete.mutate({ id: session.id });
    }
    const left = await corral.sessions.get.query({ id: session.id }).catch(() => undefined);
    if (left) throw failed('the deleted session is still there');
    at.print('deleted; everything works');
    return 0;
  },
};

/** Without this check, the socket would reconnect forever. */
async function mustServe(url: string, token: string | undefined, signal: AbortSignal): Promise<void> {
  const headers = token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } };
  const root = await sendServerRequest(`${url}/`, { signal });
  const rootAnswer = (await root.json().catch(() => ({}))) as { name?: unknown };
  if (rootAnswer.name !== 'corral') {
    const advice = 'If it is just starting, try again; otherwise set the server with --url.';
    throw new AppError(
      'invalid_request',
      `${url} answered with status ${root.status} and is not a Corral server. ${advice}`,
    );
  }
  await sendServerRequest(`${url}/api/v1/sessions`, { signal, ...headers });
}

async function runTask(
  corral: CorralClient,
  sessionId: string,
  patience: AbortSignal,
  at: CommandTerminal,
): Promise<void> {
  const ended = Promise.withResolvers<string>();
  let output = '';
  const watching = corral.events.subscribe.subscribe(
    { sessionId, lastEventId: '0' },
    {
      onData({ data: event }) {
        if (event.type === 'tool.called') output += event.data.output;
        if (event.type === 'sandbox.phase') at.print(`sandbox ${event.data.phase} ${event.data.detail ?? ''}`.trim());
        if (event.type === 'run.error') at.print(`error: ${event.data.error}`);
        if (event.type === 'run.end') ended.resolve(event.data.status);
      },
      onError: ended.reject,
    },
  );
  try {
    await within(corral.runs.send.mutate({ sessionId, text: task }), patience);
    const status = await within(ended.promise, patience);
    if (status !== 'completed') throw failed(`the run is ${status}`);
    if (!output.includes('answer 42')) throw failed(`the command printed ${JSON.stringify(output)}`);
    at.print(`the run is completed, and its command printed ${output.trim()}`);
  } finally {
    watching.unsubscribe();
  }
}

const failed = (what: string) => new AppError('conflict', `The server is not working: ${what}.`);

const within = <T>(work: Promise<T>, patience: AbortSignal): Promise<T> =>
  raceAbort(work, patience).catch((cause: unknown) => {
    if (!patience.aborted) throw cause;
    throw new AppError('deadline_exceeded', 'The server did not finish in time.', { cause });
  });

const options = { ...urlOption, timeout: { type: 'string', default: '300' } } as const;
const parsed = (args: readonly string[]): ServerAddress & { readonly timeout: string } =>
  parseWithUsage(`try takes ${tryCommand.usage}`, () => {
    const input = parseArgs({ args: [...args], options }).values;
    if (!/^[1-9]\d{0,5}$/.test(input.timeout)) throw new Error('--timeout needs a number of seconds, 1 or more');
    return { ...resolveServerAddress(input.url), timeout: input.timeout };
  });

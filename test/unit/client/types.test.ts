import { expect, expectTypeOf, test, vi } from 'vitest';
import {
  type AppRouter,
  type CorralClient,
  createCorralClient,
  type ErrorData,
  type Event,
  type ExecOptions,
  type Inputs,
  type Outputs,
  type Resync,
  type Session,
  type TRPCClientError,
} from '../../../src/client/index.ts';

// No call reaches a server: `tsc` is the test, and vitest only runs the file.
const client: CorralClient = createCorralClient({ url: 'http://127.0.0.1:1', transport: 'ws' });

test('the types of results need no annotation', () => {
  type Created = Awaited<ReturnType<typeof client.sessions.create.mutate>>;
  expectTypeOf<Created>().toEqualTypeOf<Session>();
  expectTypeOf<Session['status']>().toEqualTypeOf<'pending' | 'running' | 'waiting' | 'completed'>();
  expectTypeOf<Session['createdAt']>().toEqualTypeOf<string>();
  expectTypeOf<Session['projectId']>().toEqualTypeOf<string | null>();
  expectTypeOf<Outputs['sandbox']['exec']>().toEqualTypeOf<{
    exitCode: number;
    stdout: string;
    stderr: string;
    timedOut: boolean;
    truncated: boolean;
    wholeIn: { stdout?: string; stderr?: string };
  }>();
  expectTypeOf<Outputs['files']['list']['items'][number]['type']>().toEqualTypeOf<'file' | 'directory'>();
});

test('the types of inputs make defaults optional and refuse unknown values', () => {
  expectTypeOf(client.sessions.create.mutate).toBeCallableWith();
  expectTypeOf(client.runs.send.mutate).toBeCallableWith({ sessionId: 'a', text: 'b' });
  expectTypeOf<Inputs['runs']['send']['mode']>().toEqualTypeOf<'inject' | 'queue' | 'replace' | undefined>();
  expectTypeOf<Inputs['events']['subscribe']['lastEventId']>().toEqualTypeOf<string | null | undefined>();
  // @ts-expect-error a session id is needed
  expectTypeOf(client.runs.stop.mutate).toBeCallableWith({});
  // @ts-expect-error there is no such mode
  expectTypeOf(client.runs.send.mutate).toBeCallableWith({ sessionId: 'a', text: 'b', mode: 'shout' });
  // @ts-expect-error there is no such procedure
  expectTypeOf(client.sessions.rename).toBeFunction();
  // @ts-expect-error a query cannot be mutated
  expectTypeOf(client.sessions.get.mutate).toBeFunction();
});

test('the type of an event says which data it has', () => {
  type Received = Outputs['events']['subscribe'] extends AsyncIterable<infer Item> ? Item : never;
  expectTypeOf<Received['id']>().toEqualTypeOf<string>();
  expectTypeOf<Received['data']>().toExtend<Event | Resync>();
  expectTypeOf<Event | Resync>().toExtend<Received['data']>();
  const look = (event: Event | Resync) => {
    if (event.type === 'run.end') expectTypeOf(event.data.status).toEqualTypeOf<'completed' | 'stopped' | 'failed'>();
    if (event.type === 'message.delta') expectTypeOf(event.data.text).toEqualTypeOf<string>();
    if (event.type === 'resync') expectTypeOf(event.latestSeq).toEqualTypeOf<number>();
    // @ts-expect-error nothing is called so
    return event.type === 'run.ended';
  };
  expect(look).toBeTypeOf('function');
});

test('output can go where a program writes it, whatever the writer returns', () => {
  const options: ExecOptions = { onStdout: (text) => process.stdout.write(text), onStderr: async () => {} };
  expect(options.onStdout).toBeTypeOf('function');
});

test('an error says its code and whether trying again may help', () => {
  type Data = NonNullable<TRPCClientError<AppRouter>['data']>;
  expectTypeOf<Data['retryable']>().toEqualTypeOf<boolean>();
  expectTypeOf<Data['reason']>().toEqualTypeOf<ErrorData['reason']>();
  expectTypeOf<'session_not_found'>().toMatchTypeOf<Data['reason']>();
});

test('a client needs no EventSource of the platform, and says so where a WebSocket is missing', () => {
  const url = 'http://127.0.0.1:1';
  expect(() => createCorralClient({ url }).close()).not.toThrow();
  vi.stubGlobal('WebSocket', undefined);
  expect(() => createCorralClient({ url, transport: 'ws' })).toThrow(/no WebSocket/);
  vi.unstubAllGlobals();
});

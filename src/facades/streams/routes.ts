import { z } from 'zod';
import { detailFailures } from '../shared/failure-docs.ts';
import { bytes, describing, ok } from '../shared/route-docs.ts';
import type { App, Dialect } from '../shared/routes.ts';
import { toSessionId } from '../shared/session-id.ts';
import { withBodyStreams } from '../shared/uploads.ts';
import { whileConnected } from '../shared/while-connected.ts';
import type { StreamDeps } from './deps.ts';
import { runCommand } from './exec.ts';
import { showTerminal } from './terminal.ts';

const Params = z.object({ sid: z.string().describe('the session') });
const TerminalParams = z.object({
  shell_id: z
    .string()
    .regex(/^shell_[0-9a-f]{8}$/)
    .describe('the terminal'),
});
const PathQuery = z.object({ path: z.string().min(1).max(4_096).describe('in the workspace') });
const Written = z.object({ path: z.string(), size: z.int() });
const binary = z.string().meta({ format: 'binary' });
const about = describing({ tag: 'Streams', prefix: 'streams', failures: detailFailures });
const framed = bytes(
  'Frames: one byte for the channel (0 output, 1 errors, 2 end, 3 ping), four for the length (big-endian), the payload. ' +
    '`end` is the last one and has JSON',
  'application/octet-stream',
);

/** Bytes over plain HTTP, so that any platform with `fetch` can use them. */
export function streamRoutes(deps: StreamDeps): Dialect {
  return {
    mount(app) {
      mountDownload(app, deps);
      withBodyStreams(app, (scope) => mountBodies(scope, deps));
      app.get(
        '/streams/terminals/:shell_id',
        {
          schema: { params: TerminalParams, response: { 200: framed } },
          config: {
            doc: about('Terminal', 'Read the output of a terminal, from now on', {
              description: 'tRPC opens, writes, resizes and closes terminals. A new reader replaces the earlier one.',
              ...{ fails: [404, 422], missing: 'No such terminal' },
            }),
            stream: true,
          },
        },
        ({ params }, reply) => showTerminal(params.shell_id, reply, deps),
      );
    },
  };
}

const file = '/streams/sessions/:sid/file';

function mountDownload(app: App, { streams }: StreamDeps): void {
  app.get(
    file,
    {
      schema: { params: Params, querystring: PathQuery, response: { 200: bytes('Its bytes') } },
      config: { doc: about('Download', 'Download a file of any size', { fails: [404, 422] }), stream: true },
    },
    async ({ params, query }, reply) => {
      const { size, content } = await streams.download(toSessionId(params.sid), query.path, whileConnected(reply));
      reply.header('content-type', 'application/octet-stream').header('content-length', size);
      reply.header('content-disposition', 'attachment').header('cache-control', 'no-store');
      return reply.send(content);
    },
  );
}

function mountBodies(scope: App, deps: StreamDeps): void {
  scope.put(
    file,
    {
      schema: { params: Params, querystring: PathQuery, response: { 200: ok(Written, { path: 'a.bin', size: 3 }) } },
      config: {
        doc: about('Upload', 'Upload a file of any size; it replaces an existing one when it is whole', {
          ...{ fails: [404, 422], requestContent: { 'application/octet-stream': binary } },
        }),
        upload: true,
      },
    },
    async ({ params, query: { path }, body }, reply) => {
      const content = (body ?? []) as AsyncIterable<Uint8Array>;
      const { size } = await deps.streams.upload(toSessionId(params.sid), path, content, whileConnected(reply));
      return { path, size };
    },
  );
  scope.post(
    '/streams/sessions/:sid/exec',
    {
      schema: { params: Params, response: { 200: framed } },
      config: {
        doc: about('Exec', 'Run a command, with its output as it comes', {
          description:
            'The body begins with one line of JSON: `command`, and `cwd`, `env` and `timeoutMs` where needed. The bytes ' +
            "behind that line are the command's standard input. `end` has `exitCode` and `timedOut`, or `error`.",
          ...{ bodyExample: { command: 'make' }, fails: [404, 422] },
          requestContent: { 'application/octet-stream': binary },
        }),
        ...{ stream: true, idleBody: true },
      },
    },
    ({ params, body }, reply) => runCommand({ id: toSessionId(params.sid), body, reply }, deps),
  );
}

import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { toSessionId } from '../../api/procedure/session-id.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { bytes } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import { about, Params } from './about.ts';
import type { StreamDeps } from './deps.ts';
import { type FramedReply, failureOutcome, openFrames } from './framed-reply.ts';

const Query = z.object({
  path: z.string().min(1).max(4_096).default('.').describe('a folder of the workspace'),
  recursive: z.enum(['true', 'false']).default('true').describe('folders below it too'),
});
type Query = z.infer<typeof Query>;

export function mountWatch(app: App, deps: StreamDeps): void {
  app.get(
    '/streams/sessions/:sid/watch',
    {
      schema: {
        params: Params,
        querystring: Query,
        response: {
          200: bytes('Frames as in `exec`; each frame of channel 0 is one change as JSON', 'application/octet-stream'),
        },
      },
      config: {
        doc: about('Watch', 'Watch a folder for changes of its files', {
          description:
            'A change has `type` (`create`, `write`, `remove`, `rename`, `chmod`) and `name`, relative to the folder. A move ' +
            'is a `rename` of the old name and a `create` of the new one. `lost`: more changed than could be kept.',
          fails: [404, 422],
        }),
        stream: true,
      },
    },
    ({ params, query }, reply) => watchFiles({ id: toSessionId(params.sid), query, reply }, deps),
  );
}

interface Request {
  readonly id: SessionId;
  readonly query: Query;
  readonly reply: FastifyReply;
}

async function watchFiles({ id, query, reply }: Request, deps: StreamDeps): Promise<FastifyReply> {
  using stack = new DisposableStack();
  const left = new AbortController();
  let out: FramedReply | undefined;
  const reader = {
    onStart: () => {
      out = stack.use(openFrames(reply, deps.context)); // a refusal before this line has its own status
      out.gone.addEventListener('abort', () => left.abort(), { once: true });
    },
    onChange: (change: object) => out?.write('output', Buffer.from(JSON.stringify(change))),
  };
  const requested = { path: query.path, recursive: query.recursive === 'true' };
  try {
    await deps.streams.watch(id, requested, reader, AbortSignal.any([abortOnDisconnect(reply), left.signal]));
    out?.end({});
  } catch (thrown) {
    if (!out) throw thrown;
    if (!out.gone.aborted) out.end(failureOutcome(thrown, deps.logger, 'a watch failed'));
  }
  return reply;
}

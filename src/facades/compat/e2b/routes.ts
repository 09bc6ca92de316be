import { runAtIntervals, runWorkLoop } from '../../../core/concurrency/rounds.ts';
import type { Clock } from '../../../core/contracts/clock.ts';
import { toAppError } from '../../../core/errors/errors.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import type { Principal } from '../../../core/model/principal.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import { type ErrorStyle, InvalidRequestError } from '../../../http/errors/error-style.ts';
import { toPublicMessage } from '../../../http/errors/wire-errors.ts';
import { runAsCaller } from '../../../http/guard/caller.ts';
import { createRateLimiter } from '../../../http/guard/rate-limit.ts';
import type { FacadeRoutes } from '../../../http/routes/routes.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import type { FacadeDeps } from '../../shared/facade.ts';
import { mountRawBodyRoutes } from '../../shared/uploads.ts';
import { httpStatusOf, mountControlPlane } from './control/routes.ts';
import { sendErrorResponse } from './data/refusals.ts';
import { serveDataPlane, serveDataPlaneUpgrade } from './data/serve.ts';
import { DataPlaneSandboxes } from './sandboxes.ts';
import type { E2bSettings } from './settings.ts';
import { DataPlaneTargetResolver } from './target.ts';
import { createSandboxTokenService } from './tokens.ts';

const againMs = 1_000;

/** Keeps the sandboxes' records in memory, because they are checked twice a second. */
export class ClientSandboxes {
  readonly #byId = new Map<SessionId, SessionRecord>();

  all(): SessionRecord[] {
    return [...this.#byId.values()];
  }

  async follow(sessions: Pick<SessionService, 'watch'>, clock: Clock, signal: AbortSignal): Promise<void> {
    const round = async () => {
      this.#byId.clear();
      for await (const { type, session } of sessions.watch(signal)) {
        if (type === 'changed' && isManaged(session)) this.#byId.set(session.id, session);
        else this.#byId.delete(session.id);
      }
      return againMs;
    };
    await runWorkLoop(round, { clock, failedMs: againMs }, signal); // the watch fails if too many changes arrive
  }
}

const isManaged = ({ life, tokenRounds }: SessionRecord) => life !== undefined || tokenRounds !== undefined;

const style: ErrorStyle = {
  status: (error) => (error instanceof InvalidRequestError ? 400 : httpStatusOf(error.code)),
  body: (status, error) => ({ code: status, message: toPublicMessage(error), error_code: error.code }),
};
const server: Principal = { role: 'admin', by: 'server' };
const dueEveryMs = 500;
/** Maximum signed-URL requests per second per address. Each is tried against all sandboxes. */
const signedPerSecond = 20;
/** Per address per minute. A wrong signature costs one hash per sandbox and key. */
const wrongHashes = 20_000;
/** The access layer sets these headers for other routes. */
const common = { vary: 'Origin', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' };
const badTarget = 'E2b-Sandbox-Id and E2b-Sandbox-Port are needed both, with a port from 1 to 65535.';
const pick = ({ maxUploadBytes, root }: E2bSettings) => ({ maxUploadBytes, root });

export async function createE2bRoutes(parts: FacadeDeps, settings: E2bSettings): Promise<readonly FacadeRoutes[]> {
  const { acting, clock, logger, sse, elsewhere, peppers, limits, port, credentials, clients } = parts;
  const { closing } = sse;
  const domain = settings.domain ?? `localhost:${port}`;
  const targets = new DataPlaneTargetResolver(domain.replace(/:\d+$/, ''));
  const tokens = createSandboxTokenService(await peppers(), credentials);
  const { services } = acting(server);
  const servicesOf = (principal: Principal) => acting(principal).services;
  const warn = (err: unknown, message: string) => logger.warn({ err }, message);
  const programs = new ClientSandboxes();
  void programs.follow(services.sessions, clock, closing);
  const sandboxes = new DataPlaneSandboxes({ services, servicesOf, managed: () => programs.all(), clock, warn });
  const unnamed = {
    requests: createRateLimiter(signedPerSecond, clock, 1_000),
    hashes: createRateLimiter(wrongHashes, clock),
  };
  const data = { sandboxes, tokens, unnamed, clock, closing, credentials, clients, ...pick(settings) };
  elsewhere.push({
    rewrite: targets.rewrite,
    answersTo: targets.answersTo,
    isForProgram: targets.isForProgram,
    upgrade(request, socket) {
      const target = targets.of(request);
      if (!target) return false;
      const { address } = clients.of(request);
      const work = () => serveDataPlaneUpgrade(target, request, socket, data);
      runAsCaller({ principal: server, address, request: undefined }, work).catch((err: unknown) => {
        logger.warn({ err }, 'an upgrade to a port of a sandbox failed');
        socket.destroy();
      });
      return true;
    },
  });
  void endDue(sandboxes, services.sessions.delete, parts);
  return [
    {
      errors: { prefix: '/e2b', style },
      mount(app) {
        mountRawBodyRoutes(app, (scope) => {
          const config = { open: true, free: true, stream: true, idleBody: true } as const;
          scope.all('/e2b/data', { config, exposeHeadRoute: false }, (request, reply) => {
            const target = targets.of(request.raw);
            for (const [name, value] of Object.entries(common)) reply.raw.setHeader(name, value);
            reply.hijack();
            if (!target) return void sendErrorResponse(reply.raw, 400, badTarget);
            serveDataPlane(target, request.raw, reply.raw, data).catch((thrown: unknown) => {
              const error = toAppError(thrown);
              if (reply.raw.headersSent) return void reply.raw.destroy();
              sendErrorResponse(reply.raw, 502, toPublicMessage(error));
              if (error.code === 'internal') logger.error({ err: thrown }, 'a request to a sandbox failed');
            });
          });
        });
        const needed = { parts, settings, sandboxes, tokens, domain, limits };
        mountControlPlane(app, needed);
      },
    },
  ];
}

async function endDue(
  sandboxes: DataPlaneSandboxes,
  remove: Parameters<DataPlaneSandboxes['endDue']>[0],
  { clock, logger, sse: { closing } }: FacadeDeps,
): Promise<void> {
  const forget: typeof remove = async (id) => {
    sandboxes.cut(id);
    await remove(id);
  };
  const onError = (err: unknown) => logger.warn({ err }, 'sandboxes could not be ended');
  await runAtIntervals(() => sandboxes.endDue(forget), { everyMs: dueEveryMs, clock, onError }, closing);
}

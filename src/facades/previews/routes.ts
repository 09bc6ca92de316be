import { toAppError } from '../../core/errors/errors.ts';
import type { Principal } from '../../core/model/principal.ts';
import { runAsCaller } from '../../http/guard/caller.ts';
import { createRateLimiter } from '../../http/guard/rate-limit.ts';
import type { FacadeRoutes } from '../../http/routes/routes.ts';
import type { FacadeDeps } from '../shared/facade.ts';
import { mountRawBodyRoutes } from '../shared/uploads.ts';
import { createFailedPreviewPage, previewErrorPages, sendPreviewErrorPage } from './pages.ts';
import { servePreview, servePreviewUpgrade } from './serve.ts';
import { internalPreviewPath, PreviewMatcher } from './target.ts';

/** Used only to find previews; requests have the permissions of the preview's creator. */
const server: Principal = { role: 'admin', by: 'server' };
/** Maximum requests per minute for one preview. Pages of development servers load hundreds of files. */
const perMinute = 12_000;

export function createPreviewRoutes(parts: FacadeDeps): FacadeRoutes {
  const { acting, clock, logger, sse, elsewhere, credentials, clients, previews: links } = parts;
  const targets = new PreviewMatcher(links.domain, () => elsewhere.length > 1);
  const deps = {
    ports: acting(server).services.ports,
    servicesOf: (principal: Principal) => acting(principal).services,
    links,
    credentials,
    clients,
    limiter: createRateLimiter(perMinute, clock),
    clock,
    closing: sse.closing,
  };
  elsewhere.push({
    rewrite: targets.rewrite,
    answersTo: targets.answersTo,
    isForProgram: targets.isForProgram,
    upgrade(request, socket) {
      const target = targets.of(request);
      if (!target) return false;
      const work = () => servePreviewUpgrade(target, request, socket, deps);
      runAsCaller({ principal: server, address: clients.of(request).address, request: undefined }, work).catch(
        (err) => {
          if (!sse.closing.aborted) logger.warn({ err }, 'an upgrade to a preview failed');
          socket.destroy();
        },
      );
      return true;
    },
  });
  return {
    mount(app) {
      mountRawBodyRoutes(app, (scope) => {
        const config = { open: true, free: true, stream: true, idleBody: true } as const;
        scope.all(internalPreviewPath, { config, exposeHeadRoute: false }, (request, reply) => {
          const target = targets.of(request.raw);
          reply.raw.setHeader('x-content-type-options', 'nosniff');
          reply.hijack();
          if (!target) return void sendPreviewErrorPage(reply.raw, request.headers, previewErrorPages.closed);
          servePreview(target, request.raw, reply.raw, deps).catch((thrown: unknown) => {
            const { code, publicMessage } = toAppError(thrown);
            if (reply.raw.headersSent) return void reply.raw.destroy();
            sendPreviewErrorPage(reply.raw, target.headers, createFailedPreviewPage(publicMessage));
            if (code === 'internal') logger.error({ err: thrown }, 'a request to a preview failed');
          });
        });
      });
    },
  };
}

import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { formatSetCookie, readCookie } from '../../auth/sign-in/cookies.ts';
import { SignInRefusedError, signInTimeoutSeconds, toSameOriginPath } from '../../auth/sign-in/sign-in.ts';
import { AppError } from '../../core/errors/errors.ts';
import { createRouteDescriber, noBodyReply, okReply, type ReplyDoc } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { defineFacade, type FacadeDeps } from '../shared/facade.ts';
import { describeServerFailures } from '../shared/server-failures.ts';

export const signIn = defineFacade({
  label: 'sign-in',
  audience: 'people who sign in with the identity provider of their company',
  tag: 'Server',
  paths: ['/sign-in'],
  documents: '[sign-in.md](sign-in.md)',
  routes: async (parts) => [{ mount: (app) => mountSignIn(app, parts) }],
});

type Deps = Pick<FacadeDeps, 'people' | 'logger'>;
type PeopleParts = NonNullable<Deps['people']>;

const describeRoute = createRouteDescriber({ tag: 'Server', prefix: '', failures: describeServerFailures });
const Providers = z.object({ providers: z.array(z.object({ id: z.string(), name: z.string() })).readonly() });
const Code = z.strictObject({ code: z.string().max(4_096), verifier: z.string().min(43).max(128) });
const Token = z.object({ token: z.string(), name: z.string() });
const Left = z.object({
  /** The provider's sign-out URL; null if there is none. */
  location: z.string().nullable(),
});
const redirect: ReplyDoc = { description: 'See Other' };
const Provider = z.object({ provider: z.string().max(31) });

function mountSignIn(app: App, { people, logger }: Deps): void {
  const parts = (): PeopleParts => {
    if (!people) throw new AppError('not_found', 'This server has no identity provider.');
    return people;
  };
  app.get(
    '/sign-in',
    describeRoute('signInProviders', 'List the identity providers with which people sign in', {
      schema: { response: { 200: okReply(Providers, { providers: [{ id: 'main', name: 'Example' }] }) } },
      config: { open: true },
    }),
    async (_request, reply) => {
      reply.header('cache-control', 'no-store');
      return { providers: people?.signIn.providers ?? [] };
    },
  );
  app.get(
    '/sign-in/:provider',
    describeRoute('signInBegin', 'Sign in', {
      schema: {
        params: Provider,
        querystring: z.object({ returnTo: z.string().optional() }),
        response: { 303: redirect },
      },
      config: { open: true },
      fails: [404, 503],
      asset: true,
    }),
    async (request, reply) => {
      const { signIn, visitors } = parts();
      const visit = { base: visitors.baseOf(request), returnTo: request.query.returnTo };
      const begun = await signIn.begin(request.params.provider, visit).catch((cause: unknown) => {
        if (cause instanceof AppError && cause.code === 'not_found') throw cause;
        logger.warn({ err: cause }, 'a sign-in could not begin');
        return undefined;
      });
      if (!begun) return leave(reply, refusalAt(toSameOriginPath(visit.returnTo, visit.base), 'away'));
      const isSecure = visitors.isSecure(request.client);
      reply.header(
        'set-cookie',
        formatSetCookie('login', { value: begun.login, seconds: signInTimeoutSeconds, isSecure }),
      );
      return leave(reply, begun.location);
    },
  );
  app.get(
    '/sign-in/:provider/callback',
    describeRoute('signInFinish', 'Finish a sign-in', {
      schema: { params: Provider, response: { 303: redirect } },
      config: { open: true },
      fails: [404],
      asset: true,
    }),
    async (request, reply) => await finish(request, reply, { ...parts(), logger }),
  );
  app.post(
    '/sign-in/:provider/backchannel',
    describeRoute('signInEnded', 'End the sessions that the provider ended (back-channel logout)', {
      schema: { params: Provider, response: { 200: noBodyReply } },
      config: { open: true },
      fails: [400, 404],
      asset: true,
    }),
    async (request, reply) => {
      const form = new URLSearchParams(request.rawBody?.toString() ?? '');
      await parts().signIn.endedAtProvider(request.params.provider, form.get('logout_token') ?? '');
      return reply.header('cache-control', 'no-store').code(200).send();
    },
  );
  app.post(
    '/sign-in/token',
    describeRoute('signInCommand', 'Exchange the code of `corral login` for a token', {
      schema: {
        body: Code,
        response: { 200: okReply(Token, { token: 'crlp_5f0c3d9b21aa_…', name: 'Ada Lovelace' }) },
      },
      config: { open: true },
      fails: [400, 404, 413, 422],
    }),
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return await parts().signIn.enterCommand(request.body);
    },
  );
  app.post(
    '/sign-in/end',
    describeRoute('signOut', 'Sign out: end this browser or command', {
      schema: { response: { 200: okReply(Left, { location: null }) } },
    }),
    async (request, reply) => {
      const { key, person } = request.principal;
      reply.header('cache-control', 'no-store');
      if (!people || key === undefined || person === undefined) return { location: null };
      reply.header('set-cookie', people.visitors.setCookie(undefined, request.client));
      const location = await people.signIn.leave(key, { base: people.visitors.baseOf(request) });
      return { location: location ?? null };
    },
  );
}

type Finishing = FastifyRequest<{ Params: z.infer<typeof Provider> }>;

async function finish(
  request: Finishing,
  reply: FastifyReply,
  { signIn, visitors, logger }: PeopleParts & Pick<Deps, 'logger'>,
) {
  const { headers, client, raw } = request;
  const isSecure = visitors.isSecure(client);
  const mark = raw.url?.indexOf('?') ?? -1;
  const visit = {
    base: visitors.baseOf(request),
    search: mark < 0 ? '' : (raw.url?.slice(mark) ?? ''),
    login: readCookie(headers.cookie, 'login', isSecure),
    agent: headers['user-agent'] ?? '',
  };
  const forget = formatSetCookie('login', { isSecure });
  try {
    const { secret, returnTo } = await signIn.finish(request.params.provider, visit);
    await endBefore(request, { signIn, visitors });
    reply.header('set-cookie', [forget, visitors.setCookie(secret, client)]);
    return leave(reply, returnTo);
  } catch (thrown) {
    if (!(thrown instanceof SignInRefusedError)) throw thrown;
    logger.warn({ err: thrown, reason: thrown.reason }, 'a sign-in was refused');
    reply.header('set-cookie', forget);
    return leave(reply, refusalAt(thrown.returnTo, thrown.reason));
  }
}

async function endBefore(request: FastifyRequest, { signIn, visitors }: PeopleParts): Promise<void> {
  const before = visitors.find(request, 'own');
  if (before?.key !== undefined) await signIn.leave(before.key, { base: visitors.baseOf(request) });
}

function refusalAt(path: string, reason: string): string {
  const url = new URL(path, 'http://page');
  url.searchParams.set('sign-in', reason);
  return url.pathname + url.search + url.hash;
}

const leave = (reply: FastifyReply, location: string) =>
  reply.header('cache-control', 'no-store').code(303).header('location', location).send();

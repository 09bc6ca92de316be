import { exportJWK, generateKeyPair, type JWK } from 'jose';
// @ts-expect-error the package has no types
import Provider from 'oidc-provider';
import { httpServer } from './http-server.ts';

/** The claims that the provider has about a person. */
export interface Account {
  readonly name?: string;
  readonly email?: string;
  readonly email_verified?: boolean;
  groups?: readonly string[];
}
/** A real OpenID provider on loopback, at which `user` signs in without a form. */
export interface IdentityProvider extends AsyncDisposable {
  readonly issuer: string;
  readonly accounts: Map<string, Account>;
  /** The account that signs in next; undefined: the person refuses. */
  user: string | undefined;
  isUp: boolean;
  /** Replaces its answer at a path. */
  readonly instead: Map<string, (body: string) => string>;
  rotateKeys(): Promise<void>;
  /** Ends every session and refresh token of the provider. */
  forget(): void | Promise<void>;
  readonly requests: string[];
}

// biome-ignore lint/suspicious/noExplicitAny: the package has no types
type Any = any;
const signingKey = async (): Promise<JWK> => {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), use: 'sig', alg: 'RS256', kid: crypto.randomUUID() };
};

export async function identityProvider(callback: string, backchannel?: string): Promise<IdentityProvider> {
  let handler: ((request: unknown, response: unknown) => unknown) | undefined;
  const requests: string[] = [];
  const instead: IdentityProvider['instead'] = new Map();
  const server = await httpServer((request, response) => {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    requests.push(`${request.method} ${path}`);
    if (!it.isUp) {
      response.destroy();
      return;
    }
    const change = instead.get(path);
    if (change) {
      const end = response.end.bind(response);
      response.end = ((body: unknown) => {
        response.removeHeader('content-length');
        return end(change(String(body)));
      }) as never;
    }
    return handler?.(request, response);
  });
  const issuer = server.url;
  const store = new Map<string, unknown>();
  const accounts = new Map<string, Account>();
  const open = async (keys: JWK[]) => {
    const provider = new Provider(issuer, {
      adapter: memory(store),
      // The provider's default refuses addresses of this machine.
      fetch: (url: URL, { method, body, headers }: RequestInit) => fetch(url, { method, body, headers } as RequestInit),
      jwks: { keys },
      cookies: { keys: ['a key for tests'] },
      clients: [
        {
          client_id: 'corral',
          client_secret: 'the-secret-of-corral',
          redirect_uris: [callback],
          post_logout_redirect_uris: [`${new URL(callback).origin}/`],
          grant_types: ['authorization_code', 'refresh_token'],
          response_types: ['code'],
          ...(backchannel && { backchannel_logout_uri: backchannel }),
        },
      ],
      claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'] },
      scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
      conformIdTokenClaims: false,
      pkce: { required: () => true },
      rotateRefreshToken: true,
      features: {
        devInteractions: { enabled: false },
        backchannelLogout: { enabled: true },
        rpInitiatedLogout: { enabled: true },
      },
      findAccount: (_: Any, id: string) => {
        const account = accounts.get(id);
        return account && { accountId: id, claims: () => ({ sub: id, ...account }) };
      },
      loadExistingGrant: async (ctx: Any) => {
        const grant = new ctx.oidc.provider.Grant({ clientId: 'corral', accountId: ctx.oidc.session.accountId });
        grant.addOIDCScope('openid profile email groups offline_access');
        await grant.save();
        return grant;
      },
      interactions: { url: (_: Any, { uid }: Any) => `/interaction/${uid}` },
    });
    const answer = provider.callback();
    handler = async (request: Any, response: Any) => {
      if (!request.url.startsWith('/interaction/')) return answer(request, response);
      const login = { accountId: it.user };
      const refusal = { error: 'access_denied', error_description: 'The person refused' };
      const { prompt } = await provider.interactionDetails(request, response);
      const result = it.user === undefined ? refusal : prompt.name === 'login' ? { login } : { consent: {} };
      await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
    };
  };
  let keys = [await signingKey()];
  await open(keys);
  const it: IdentityProvider = {
    issuer,
    accounts,
    user: 'ada',
    isUp: true,
    instead,
    requests,
    forget: () => store.clear(),
    async rotateKeys() {
      keys = [await signingKey()];
      await open(keys);
    },
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
  return it;
}

/** The provider's store, which survives its restarts. */
function memory(store: Map<string, unknown>) {
  return class {
    name: string;
    constructor(name: string) {
      this.name = name;
    }
    key = (id: string) => `${this.name}:${id}`;
    upsert = async (id: string, payload: Any) => void store.set(this.key(id), payload);
    find = async (id: string) => store.get(this.key(id)) as Any;
    findByUid = async (uid: string) =>
      [...store].find(([key, value]) => key.startsWith(`${this.name}:`) && (value as Any).uid === uid)?.[1] as Any;
    findByUserCode = async () => undefined;
    consume = async (id: string) => {
      const found = store.get(this.key(id)) as Any;
      if (found) found.consumed = 1;
    };
    destroy = async (id: string) => void store.delete(this.key(id));
    revokeByGrantId = async (grantId: string) => {
      for (const [key, value] of store) if ((value as Any).grantId === grantId) store.delete(key);
    };
  };
}

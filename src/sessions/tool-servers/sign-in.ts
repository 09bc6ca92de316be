import { isCredentialFresh, type OAuthCredentials } from '../../agents/mcp/access.ts';
import type { ToolServerFetchFactory } from '../../agents/mcp/connect.ts';
import type { OAuthContext } from '../../agents/mcp/oauth.ts';
import { createTimeoutSignal, neverAbortingSignal } from '../../core/concurrency/cancel.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { Secret } from '../../core/text/secret.ts';
import { type SavedToolServer, type ToolServerRecords, unknownToolServerError } from './entered.ts';

interface Deps extends Pick<ServerDependencies, 'clock'> {
  readonly entered: ToolServerRecords;
  readonly fetchFor: ToolServerFetchFactory;
  readonly newToken: () => string;
}
const askMs = 20_000;
const signInMs = 15 * 60_000;

export class ToolServerOAuthClient extends ServerComponent<Deps> {
  readonly #renewing = new Map<string, Promise<Secret>>();

  /** Resolves with the URL that the user must open. Rejects: not_found, unsupported. */
  async begin(name: string, returnTo: string, signal: AbortSignal): Promise<string> {
    const { entered, newToken } = this.deps;
    const server = await this.#known(name);
    const { beginSignIn } = await oauth();
    const { address, begun } = await this.#asking(server, signal, (asking) =>
      beginSignIn({ returnTo, state: newToken() }, asking),
    );
    await entered.change(name, (now = gone(name)) => ({ ...now, secrets: { ...now.secrets, begun } }));
    return address;
  }

  /** Rejects: not_found, invalid_request (not started, or expired), unsupported (refused), conflict (the address changed). */
  async end(
    name: string,
    reply: { readonly state: string; readonly code: string; readonly issuer: string | undefined },
    signal: AbortSignal,
  ): Promise<SavedToolServer> {
    const { entered, clock, newToken } = this.deps;
    const server = await this.#known(name);
    const { begun } = server.secrets;
    if (begun?.state !== reply.state || clock.now() - begun.startedAt > signInMs) {
      throw new AppError('invalid_request', `No sign-in to ${name} is pending for this response. Start it again.`);
    }
    const { completeSignIn } = await oauth();
    const access = await this.#asking(server, signal, (asking) => completeSignIn({ begun, ...reply }, asking));
    return await entered.change(name, (now = gone(name)) => {
      if (now.url !== server.url) throw changed(name);
      return { ...now, revision: newToken(), secrets: { headers: now.secrets.headers, access } };
    });
  }

  /** Deletes the tokens and the OAuth client registration. Rejects: not_found. */
  async forget(name: string): Promise<SavedToolServer> {
    const { entered, newToken } = this.deps;
    return await entered.change(name, (now = gone(name)) => ({
      ...now,
      revision: newToken(),
      secrets: { headers: now.secrets.headers },
    }));
  }

  /** Concurrent requests share one renewal. Rejects: not_found, unsupported (a user must sign in again). */
  readonly token = async (name: string, refused: Secret | undefined): Promise<Secret> => {
    const { access } = (await this.#known(name)).secrets;
    if (!access) throw new AppError('unsupported', `The sign-in to the tool server ${name} expired. Sign in again.`);
    const isRefused = access.accessToken === refused?.reveal();
    if (!isRefused && isCredentialFresh(access, this.deps.clock.now())) return new Secret(access.accessToken);
    const running = this.#renewing.get(name) ?? this.#renew(name, access).finally(() => this.#renewing.delete(name));
    this.#renewing.set(name, running);
    return await running;
  };

  async #renew(name: string, access: OAuthCredentials): Promise<Secret> {
    const server = await this.#known(name);
    const { refreshCredentials } = await oauth();
    try {
      const fresh = await this.#asking(server, neverAbortingSignal, (asking) => refreshCredentials(access, asking));
      await this.deps.entered.change(name, (now = gone(name)) => {
        if (now.secrets.access?.accessToken !== access.accessToken) throw changed(name);
        return { ...now, secrets: { ...now.secrets, access: fresh } };
      });
      return new Secret(fresh.accessToken);
    } catch (thrown) {
      // Another server may have renewed the tokens first, which invalidates this server's refresh token.
      const now = (await this.#known(name)).secrets.access;
      if (now && now.accessToken !== access.accessToken) return new Secret(now.accessToken);
      const { publicMessage } = toAppError(thrown);
      throw new AppError('unsupported', `${publicMessage} Sign in to ${name} again in the page's settings.`, {
        cause: thrown,
      });
    }
  }

  async #known(name: string): Promise<SavedToolServer> {
    return (await this.deps.entered.find(name)) ?? gone(name);
  }

  async #asking<Value>(
    server: SavedToolServer,
    signal: AbortSignal,
    work: (asking: OAuthContext) => Promise<Value>,
  ): Promise<Value> {
    const { clock, fetchFor } = this.deps;
    using until = createTimeoutSignal(askMs, clock, signal);
    const asking = { url: server.url, fetch: fetchFor(server), now: () => clock.now(), signal: until.signal };
    return await work(asking);
  }
}

// loaded on first use, because most Corral servers never need the MCP SDK
const oauth = () => import('../../agents/mcp/oauth.ts');

function gone(name: string): never {
  throw unknownToolServerError(name);
}
const changed = (name: string) =>
  new AppError('conflict', `The tool server ${name} was changed in the meantime. Start the sign-in again.`);

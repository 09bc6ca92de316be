import { AppError } from '../../core/errors/errors.ts';
import { type CredentialInjection, listInjectionTargets } from '../../core/model/credential.ts';
import type { ServerCredentialService } from '../api/server/credentials.ts';
import { type BoundCredentialStore, serverHolderId } from './credentials.ts';

interface Deps {
  readonly ring: Pick<BoundCredentialStore, 'createService'>;
  /** Credentials from the settings. They override stored ones. */
  readonly settings: readonly (CredentialInjection & { readonly name: string })[];
  readonly setBy: string;
}

export function createServerCredentials({ ring, settings, setBy }: Deps): ServerCredentialService {
  const stored = ring.createService<typeof serverHolderId>(async () => {});
  function refuseSetting(name: string): void {
    if (!settings.some((one) => one.name === name)) return;
    const text = `${setBy} sets the credential '${name}', and precedes what is entered here. Change it there and restart the server.`;
    throw new AppError('invalid_request', text);
  }
  return {
    async list() {
      const own = await stored.list(serverHolderId);
      return [
        ...settings.map(({ name, hosts, header, scheme, user, env, git, paths }) => ({
          ...{ name, hosts, header, scheme, user, env, git, paths },
          setBy,
          createdAt: null,
        })),
        ...own.map((one) => ({ ...one, setBy: null })),
      ];
    },
    async put(name, places, value) {
      refuseSetting(name);
      const requested = new Set(listInjectionTargets(places));
      for (const other of settings) {
        const taken = listInjectionTargets(other).find((place) => requested.has(place));
        if (taken) throw new AppError('conflict', `The credential '${other.name}' of ${setBy} already sets ${taken}.`);
      }
      return { ...(await stored.put(serverHolderId, { name, ...places }, value)), setBy: null };
    },
    async revoke(name) {
      refuseSetting(name);
      await stored.revoke(serverHolderId, name);
    },
  };
}

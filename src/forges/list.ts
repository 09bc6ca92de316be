import { AppError } from '../core/errors/errors.ts';
import { trimEndCharacters } from '../core/text/text.ts';
import type { ForgeKind, ForgeRepository, ForgeServer } from './forge.ts';
import { gitea } from './gitea.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';

export const forgeKinds: readonly ForgeKind[] = [github, gitlab, gitea];

/** Parses `kind=address`, the setting for self-hosted servers. Throws: invalid_request. */
export function parseForgeServer(value: string): ForgeServer {
  const [name, ...rest] = value.split('=');
  const kind = forgeKinds.find((one) => one.name === name);
  const webUrl = URL.parse(rest.join('='));
  if (!kind || !webUrl) {
    const names = forgeKinds.map((one) => one.name).join(', ');
    throw new AppError(
      'invalid_request',
      `"${value}" is not a forge. Write its kind (${names}) and address: gitea=https://git.example.com.`,
    );
  }
  return { kind, webUrl: trimEndCharacters(`${webUrl.origin}${webUrl.pathname}`, '/') };
}

export const isForgeServerSetting = (value: string): boolean =>
  forgeKinds.some(({ name }) => value.startsWith(`${name}=http`)) && /^[a-z]+=https?:\/\/[^\s?#,]+$/.test(value);

/**
 * Parses https://host/owner/name.git, ssh://git@host/owner/name.git or git@host:owner/name.git. Undefined if the host
 * is unknown or the path does not name a repository.
 */
export function parseRepositoryUrl(remote: string, servers: readonly ForgeServer[]): ForgeRepository | undefined {
  const place = parseRemote(remote);
  if (!place) return undefined;
  const own = servers.find((server) => isAt(place, server));
  const server = own ?? publicServer(place);
  if (!server) return undefined;
  const folder = place.isWeb ? new URL(server.webUrl).pathname.replace(/\/$/, '') : '';
  const segments = place.path.slice(folder.length).split('/').filter(Boolean);
  const name = segments.pop()?.replace(/[.]git$/, '');
  const isPath =
    segments.length > 0 && [...segments, name].every((one) => one && /^[\w.~-]+$/.test(one) && !/^[.]+$/.test(one));
  if (!name || !isPath) return undefined;
  return { server, owner: segments.join('/'), name };
}

interface RemotePlace {
  readonly host: string;
  readonly hostname: string;
  readonly path: string;
  readonly isWeb: boolean;
}

function parseRemote(remote: string): RemotePlace | undefined {
  const short = /^[\w.-]+@([\w.-]+):(?!\/\/)(.+)$/.exec(remote);
  if (short) return { host: short[1] ?? '', hostname: short[1] ?? '', path: `/${short[2]}`, isWeb: false };
  const url = URL.parse(remote);
  if (!url || !/^(https?|ssh|git[+]ssh):$/.test(url.protocol)) return undefined;
  return { host: url.host, hostname: url.hostname, path: url.pathname, isWeb: url.protocol.startsWith('http') };
}

/** Compares an SSH remote by host name only, because SSH uses a different port. */
function isAt({ host, hostname, path, isWeb }: RemotePlace, { webUrl }: ForgeServer): boolean {
  const url = new URL(webUrl);
  if (!isWeb) return url.hostname === hostname;
  return url.host === host && `${path}/`.startsWith(`${url.pathname.replace(/\/$/, '')}/`);
}

function publicServer({ host, hostname, isWeb }: RemotePlace): ForgeServer | undefined {
  const kind = forgeKinds.find(({ hosts }) => hosts.some((pattern) => matches(isWeb ? host : hostname, pattern)));
  return kind && { kind, webUrl: `https://${hostname}` };
}

const matches = (host: string, pattern: string) =>
  pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern;

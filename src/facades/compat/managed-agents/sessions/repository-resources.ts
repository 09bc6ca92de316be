import { z } from 'zod';
import { isValidHeaderValue } from '../../../../core/model/credential.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import {
  maxRepositories,
  RepositoryInput,
  RepositoryInputs,
  repositoryPathOf,
} from '../../../../core/model/repository.ts';
import { Secret } from '../../../../core/text/secret.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { invalidRequestError } from '../errors.ts';
import { parseInput, toIsoTime } from '../wire.ts';

// GitHub repositories are stored as ordinary session repositories, and their tokens as session credentials.

const host = 'github.com';
const workspace = '/workspace/';
/** Only characters that are safe in a header. */
export const AuthorizationToken = z
  .string()
  .max(8_192)
  .refine(isValidHeaderValue, 'must be a token of printable characters');
const checkout = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('branch'), name: z.string().min(1).max(200) }),
  z.strictObject({
    type: z.literal('commit'),
    sha: z.string().regex(/^[0-9a-f]{7,64}$/, 'must be the hash of a commit'),
  }),
]);
export const RepositoryRequest = z.strictObject({
  type: z.literal('github_repository'),
  url: z
    .string()
    .max(500)
    .regex(/^https:\/\/github\.com\/[\w.-]+\/[\w.-]+$/, 'must be like https://github.com/owner/repository')
    .refine((url) => !url.endsWith('.git'), 'must not end with .git'),
  authorization_token: AuthorizationToken,
  checkout: checkout.nullable().optional(),
  mount_path: z.string().max(200).nullable().optional(),
});
export const RepositoryResource = z.object({
  id: z.string(),
  type: z.literal('github_repository'),
  url: z.string(),
  checkout: checkout.nullable(),
  mount_path: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
});
export type RepositoryResource = z.output<typeof RepositoryResource>;
interface NewRepository {
  readonly input: RepositoryInput;
  readonly token: Secret;
  readonly shown: RepositoryResource;
}

/** Throws: invalid_request. */
export function prepareRepositoryResources(
  requests: readonly z.output<typeof RepositoryRequest>[],
  { newId, now }: { readonly newId: () => string; readonly now: () => number },
): NewRepository[] {
  if (requests.length > maxRepositories)
    throw invalidRequestError(`resources: a session has at most ${maxRepositories} repositories.`);
  const created = requests.map(({ type, url, authorization_token: token, checkout: at, mount_path: mount }) => {
    if (requests.filter((one) => one.url === url).length > 1)
      throw invalidRequestError(`resources: ${url} is there twice.`);
    if (mount && !mount.startsWith(workspace))
      throw invalidRequestError(`resources: ${mount} is not below ${workspace}`);
    const ref = at?.type === 'branch' ? at.name : at?.sha;
    const path = mount?.slice(workspace.length).replace(/\/$/, '');
    const input = parseInput(RepositoryInput, { url, ...(ref && { ref }), ...(path !== undefined && { path }) });
    const time = toIsoTime(now());
    const mount_path = `${workspace}${repositoryPathOf(input)}`;
    const times = { created_at: time, updated_at: time };
    const shown = { id: `sesrsc_${newId()}`, type, url, checkout: at ?? null, mount_path, ...times };
    return { input, token: new Secret(token), shown };
  });
  parseInput(z.object({ resources: RepositoryInputs }), { resources: created.map(({ input }) => input) });
  return created;
}

/** Only git can use the token, and only for this repository. */
export async function putRepositoryToken(
  credentials: Services['sessionCredentials'],
  session: SessionId,
  { url, token }: { readonly url: string; readonly token: Secret },
): Promise<void> {
  const held = await credentials.list(session);
  const paths = [new URL(url).pathname];
  const own = held.find((one) => one.git !== undefined && one.paths?.length === 1 && one.paths[0] === paths[0]);
  let name = own?.name;
  for (let n = 1; name === undefined; n++) if (!held.some((one) => one.name === `github-${n}`)) name = `github-${n}`;
  const places = { hosts: [host], header: 'authorization', scheme: 'basic', env: [], git: 'write', paths } as const;
  await credentials.put(session, { name, ...places }, token);
}

import { z } from 'zod';
import { sessionOptionFields, toSessionOptions } from '../../../api/views/session-options.ts';
import { GitAuthor, RepositoryInputs } from '../../../core/model/repository.ts';
import { InvalidRequestError } from '../../../http/errors/error-style.ts';
import { parseJsonBody } from '../../../http/transport/json-body.ts';
import type { CreateSessionCommand } from '../../../sessions/api/sessions.ts';

const Named = z.object({ template: z.string() });
const { lifetimeSeconds, idleSeconds, ...others } = sessionOptionFields;
const Options = z.object({
  ...others,
  lifetime_seconds: lifetimeSeconds,
  idle_seconds: idleSeconds,
  repositories: RepositoryInputs.optional(),
  author: GitAuthor.optional(),
});

/** Clients send arbitrary bodies or none, so unknown fields are ignored. Throws: invalid_request (invalid option). */
export function parseNewSession(raw: Buffer | undefined): Omit<CreateSessionCommand, 'origin'> {
  const body = parseJson(raw);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return {};
  const template = Named.safeParse(body).data?.template;
  const { success, data, error } = Options.safeParse(body);
  if (!success) {
    const issues = error.issues.map(({ code, path, message }) => ({
      type: code,
      loc: ['body', ...path.map(String)],
      msg: message,
    }));
    throw new InvalidRequestError(issues, issues.map(({ loc, msg }) => `${loc.slice(1).join('.')}: ${msg}`).join('; '));
  }
  const { lifetime_seconds: lifetimeSeconds, idle_seconds: idleSeconds, repositories, author, ...rest } = data;
  return {
    ...(template !== undefined && { template }),
    ...(repositories && { repositories }),
    ...(author && { author }),
    ...toSessionOptions({ ...rest, lifetimeSeconds, idleSeconds }),
  };
}

function parseJson(raw: Buffer | undefined): unknown {
  try {
    return raw && parseJsonBody(raw);
  } catch {
    return undefined;
  }
}

export const MetadataQuery = z.object({
  metadata: z
    .union([z.string().max(2_000), z.array(z.string().max(2_000)).max(64)])
    .optional()
    .describe('name=value; only sessions with it are listed, and with all of several ones'),
  parent: z
    .string()
    .max(100)
    .optional()
    .describe('a session; only its children are listed: those that its agent started'),
});
export const parseMetadataPairs = ({ metadata = [] }: z.output<typeof MetadataQuery>): [string, string][] =>
  [metadata].flat().map((pair) => {
    const [name = '', ...value] = pair.split('=');
    return [name, value.join('=')];
  });

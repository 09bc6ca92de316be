import { z } from 'zod';
import { byteSizeValue } from '../../config/kinds.ts';
import { parseYaml } from '../../config/yaml-file.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SandboxOptions, SessionRecord } from '../../core/model/records.ts';
import { toBudget } from '../../core/model/runs/budget.ts';
import { MountRequests } from '../../core/model/sandboxes/volume.ts';
import { parseComposeServices } from '../../core/model/services/compose-file.ts';
import { ServiceRecipes } from '../../core/model/services/recipe.ts';
import { omitUndefined } from '../procedure/schemas.ts';

const year = 365 * 24 * 60 * 60;
const maxPairs = 64;
const skillPin = /^[a-z0-9][a-z0-9-]{0,63}(@[1-9][0-9]{0,5})?$/;

/** Neither a session id nor the reserved word `last` is a valid name. */
export const BoxName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be a name such as build-cache: a-z, 0-9, ".", "_" and "-", at most 63')
  .refine(
    (name) => !/^[0-9a-f]{16}$/.test(name) && name !== 'last',
    'must not look like the id of a session, or be "last"',
  )
  .describe("the session's name, unique among those of its owner");

export const SessionMetadata = z
  .record(z.string().min(1).max(256), z.string().max(1_000))
  .refine((pairs) => Object.keys(pairs).length <= maxPairs, `must have at most ${maxPairs} names`);

export const LifetimeSeconds = z.int().min(1).max(year).describe('until the session is deleted, with its files');
const IdleSeconds = z.int().min(10).max(year).describe('unused for so long, the sandbox is stopped');
/** `none`, or hosts in the syntax of the operator's allow-list. Can only narrow the server's policy. */
export const EgressHosts = z
  .union([z.literal('none'), z.array(z.string().min(1).max(300)).max(100)])
  .describe("the only hosts that the sandbox can reach, of those that the server's policy allows");
const SandboxSize = z.strictObject({
  cpus: z.number().min(0.1).max(512).optional(),
  memory: byteSizeValue(64 * 2 ** 20)
    .kind.optional()
    .describe('bytes, or a size such as 512MiB'),
});

export const SkillPins = z
  .array(z.string().regex(skillPin, 'must be the name of a skill such as pdf, or pdf@3 for one version'))
  .max(20)
  .describe('uploaded skills that the agent has, beside those of its template');

const SessionBudgetInput = z
  .strictObject({
    turns: z.int().min(1).max(1_000_000).optional().describe('calls of the model'),
    tokens: z.int().min(1).optional(),
    cost: z.number().min(0).max(1e6).optional().describe('in the currency of the price list'),
    toolCalls: z.int().min(1).max(1_000_000).optional().describe('calls of tools by the agent'),
    seconds: z.int().min(1).max(year).optional().describe('working time'),
  })
  .describe('over all runs; the smallest limit of session, template and server applies');

const SessionServices = ServiceRecipes.describe('by their names; in place of those of the template');
const ComposeText = z
  .string()
  .min(1)
  .max(65_536)
  .describe('a compose file whose services run beside the sandbox; Corral refuses unsupported keys by name');

const SessionVolumes = MountRequests.describe('volumes of the owner in the sandbox, in place of those of the template');

export const AdoptedSandboxRef = z
  .string()
  .regex(/^sandbox\/[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, 'must be sandbox/NAME; no other namespace can be named')
  .describe('an existing Sandbox to use as the sandbox');

export const boxOptionFields = {
  metadata: SessionMetadata.optional(),
  lifetimeSeconds: LifetimeSeconds.optional(),
  idleSeconds: IdleSeconds.optional(),
  egress: EgressHosts.optional(),
  size: SandboxSize.optional(),
  volumes: SessionVolumes.optional(),
};
export const sessionOptionFields = {
  ...boxOptionFields,
  services: SessionServices.optional(),
  compose: ComposeText.optional(),
  skills: SkillPins.optional(),
  /** At a limit, the session waits until its owner decides whether to continue. */
  budget: SessionBudgetInput.optional(),
};
const SessionOptions = z.object({ ...sessionOptionFields, adopt: AdoptedSandboxRef.optional() });

export function toSessionOptions({
  idleSeconds,
  egress,
  size,
  services,
  compose,
  budget: limits = {},
  adopt: adopts,
  ...others
}: z.output<typeof SessionOptions>) {
  const budget = toBudget(limits);
  if (services !== undefined && compose !== undefined) {
    throw new AppError('invalid_request', 'services and compose are alternatives: pass only one of them.');
  }
  const sandbox: SandboxOptions = omitUndefined({
    services: compose === undefined ? services : composed(compose),
    idleSeconds,
    egress: egress === 'none' ? [] : egress,
    ...size,
    adopts,
  });
  return {
    ...omitUndefined(others),
    ...(Object.keys(sandbox).length > 0 && { sandbox }),
    ...(Object.keys(budget).length > 0 && { budget }),
  };
}

function composed(text: string): ServiceRecipes {
  let file: unknown;
  try {
    file = parseYaml(text);
  } catch (cause) {
    const [line] = String((cause as Error).message).split('\n');
    throw new AppError('invalid_request', `The compose file must be YAML without aliases: ${line}`, { cause });
  }
  return parseComposeServices(file);
}

export const hasMetadata = (
  metadata: SessionRecord['metadata'] = {},
  requested: readonly (readonly [string, string])[],
): boolean => requested.every(([name, value]) => Object.hasOwn(metadata, name) && metadata[name] === value);

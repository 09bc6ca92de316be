import { z } from 'zod';
import { ResourceOwnership } from '../access/holder.ts';

/** A name without a tag refers to the tag `default`. */
export const BuiltTemplate = z.object({
  id: z.string(),
  name: z.string(),
  ...ResourceOwnership.shape,
  at: z.number(),
  tags: z.record(z.string(), z.object({ build: z.string(), at: z.number() })),
});
export type BuiltTemplate = z.infer<typeof BuiltTemplate>;

const Text = z.string().max(65_536);

export const BuildStep = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('RUN'),
    command: Text.min(1),
    user: z.string().optional(),
    /** Variables for this command only; ENV overrides them. */
    vars: z.array(z.tuple([z.string(), Text])).optional(),
  }),
  z.object({
    type: z.literal('COPY'),
    from: Text.min(1),
    to: Text.min(1),
    files: z.string(),
    user: z.string().optional(),
    mode: z.string().optional(),
  }),
  z.object({
    type: z.literal('ENV'),
    pairs: z.array(z.tuple([z.string(), Text])),
    /** Whether `${NAME}` expands to that variable's value in the image, and `$$` to `$`. */
    isOpen: z.boolean().optional(),
  }),
  z.object({ type: z.literal('WORKDIR'), path: Text.min(1) }),
  z.object({ type: z.literal('USER'), user: z.string() }),
]);
export type BuildStep = z.infer<typeof BuildStep>;

export const StartCommand = z.object({
  /** Undefined: no program runs, but the sandbox still waits for `ready`. */
  command: Text.min(1).optional(),
  ready: z.union([z.object({ command: Text.min(1) }), z.object({ port: z.int().min(1).max(65_535) })]).optional(),
  folder: Text,
});
export type StartCommand = z.infer<typeof StartCommand>;

export const TemplateBuild = z.object({
  id: z.string(),
  templateId: z.string(),
  ...ResourceOwnership.shape,
  tags: z.array(z.string()),
  /** `waiting`: the steps have not arrived, or other builds are ahead in the queue. */
  status: z.enum(['waiting', 'building', 'ready', 'error']),
  at: z.number(),
  /** The deadline in epoch ms. */
  until: z.number().optional(),
  /** Builds with the same base and steps share an image. */
  image: z.string().optional(),
  /** A hash of the base and the steps, for reuse of the image. */
  print: z.string().optional(),
  start: StartCommand.optional(),
  reason: z.object({ message: z.string(), step: z.string().optional() }).optional(),
});
export type TemplateBuild = z.infer<typeof TemplateBuild>;

export const BuildLogEntry = z.object({
  at: z.number(),
  level: z.enum(['info', 'warn', 'error']),
  text: z.string(),
  step: z.string().optional(),
});
export type BuildLogEntry = z.infer<typeof BuildLogEntry>;

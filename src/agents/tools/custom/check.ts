import { z } from 'zod';
import { toPortableParameters } from '../outside/portable-schema.ts';
import { toolGroups } from '../tool.ts';

const text = (most: number) => z.string().trim().min(1).max(most);
/** Not `instanceof`, because the operator's folder may have its own copy of zod. */
const isObjectSchema = (input: unknown): input is z.ZodObject =>
  (input as z.ZodObject | undefined)?._zod?.def?.type === 'object';

const schema = z.custom<z.ZodObject>(isObjectSchema, 'must be a schema of zod, z.object({…})').check((input) => {
  try {
    toPortableParameters(z.toJSONSchema(input.value, { io: 'input' }));
  } catch (thrown) {
    const message = `cannot be described to a model: ${(thrown as Error).message}`;
    input.issues.push({ code: 'custom', message, input: input.value });
  }
});

const Definition = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be a word of a-z, 0-9 and _')
    .refine((name) => !name.startsWith('mcp_'), 'must not begin with mcp_, which is reserved for tool servers'),
  label: text(80).optional(),
  description: text(4_000),
  parameters: schema,
  group: z.enum(toolGroups).optional(),
  run: z.custom<(...args: never[]) => unknown>((input) => typeof input === 'function', 'must be a function'),
});
export type CustomToolDefinition = z.output<typeof Definition>;

export function parseCustomTool(
  input: unknown,
  fileName: string,
): CustomToolDefinition | { readonly problems: readonly string[] } {
  if (typeof input !== 'object' || input === null) {
    return { problems: ['must have a default export made with defineTool of corral/tools'] };
  }
  const { data, error } = Definition.safeParse({ name: fileName, ...input });
  if (data) return data;
  return {
    problems: error.issues.flatMap(({ path, message, ...issue }) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map(
            (key) => `${key} is not a field of a tool; the fields are: ${Object.keys(Definition.shape).join(', ')}`,
          )
        : [`${path.join('.')}: ${message}`],
    ),
  };
}

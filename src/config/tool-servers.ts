import { z } from 'zod';
import type { ToolProgram } from '../core/model/tool-server.ts';
import { allowJsonText } from './json-setting.ts';
import { secretTextValue } from './kinds.ts';

const text = z.string().refine((value) => !value.includes('\0'));
const common = {
  tools: z.array(text).default(['*']),
  'timeout-seconds': z.number().min(1).max(3_600).default(60),
};
const program = z.strictObject({
  command: text.min(1),
  args: z.array(text).max(200).default([]),
  env: z.record(z.string().regex(/^[A-Za-z_]\w*$/), text).default({}),
  ...common,
});
const address = z.strictObject({
  url: z.string().refine((value) => URL.canParse(value) && /^https?:\/\//.test(value)),
  headers: z
    .record(z.string().regex(/^[A-Za-z0-9-]+$/), secretTextValue('a header', /^[\x20-\x7e]+$/).kind)
    .default({}),
  ...common,
});
const nameForm = z.string().regex(/^[a-z][a-z0-9]{0,23}$/);
const inMs = (seconds: number) => seconds * 1_000;
const named = z
  .record(nameForm, z.union([program, address]))
  .transform((all) =>
    Object.entries(all).map(([name, { 'timeout-seconds': s, ...server }]) => ({ name, timeoutMs: inMs(s), ...server })),
  );

/** Tool servers that clients define. A URL is refused, because Corral itself, not a sandbox, would call it. */
export const ToolProgramsInput = z
  .record(nameForm, z.unknown())
  .refine((servers) => Object.keys(servers).length <= 16, 'at most 16')
  .refine(
    (servers) => !Object.values(servers).some((it) => typeof it === 'object' && it !== null && 'url' in it),
    'a tool server with a url is called by Corral itself: name it in corral.yaml or in a template',
  )
  .pipe(z.record(nameForm, program))
  .transform((all) =>
    Object.entries(all).map(([name, { 'timeout-seconds': s, ...server }]) => ({ name, timeoutMs: inMs(s), ...server })),
  );

export const ToolProgramSettings = z.record(z.string(), z.object({ ...program.shape, ...common }));
export const toToolProgramSettings = (programs: readonly ToolProgram[]): z.output<typeof ToolProgramSettings> =>
  Object.fromEntries(
    programs.map(({ name, command, args, env, tools, timeoutMs }) => [
      name,
      { command, args: [...args], env: { ...env }, tools: [...tools], 'timeout-seconds': timeoutMs / 1_000 },
    ]),
  );

export const toolServersValue = () => ({
  accepts:
    'names of small letters and digits, each with command (args, env) or url (headers), and tools, timeout-seconds',
  kind: allowJsonText(named),
});

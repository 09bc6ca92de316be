import { applyPatch, parsePatch, type StructuredPatch } from 'diff';
import { z } from 'zod';
import { binary, change, file, orderByFile, textOf } from './file-text.ts';
import { defineTool, type ToolResult } from './tool.ts';

type EditResult = { readonly now: string; readonly said: string } | { readonly refused: ToolResult };

const edit = z.object({
  old_str: z.string().min(1),
  new_str: z.string(),
  all: z.boolean().default(false).describe('replace every occurrence; otherwise old_str must occur exactly once'),
});
type Edit = z.output<typeof edit>;

export const fileEdit = defineTool({
  name: 'file_edit',
  family: 'file',
  group: 'file_edit',
  label: 'Edit',
  description:
    'Change a text file in several places at once: either `edits`, one after the other, or `patch`, a unified diff. ' +
    'If one of them does not fit, nothing is changed.',
  parameters: z.object({
    file,
    edits: z.array(edit).min(1).max(100).optional(),
    patch: z.string().min(1).optional().describe('a unified diff of this file; line numbers may be off'),
  }),
  orderKey: orderByFile,
  calledIn: {
    conversation: ({ file: given, ...others }, path) => ({ name: 'edit_file', args: { path: path(given), ...others } }),
    opencodex: ({ file: given, ...others }, path) => ({ name: 'file_edit', args: { path: path(given), ...others } }),
  },
  async run(ctx, { file: path, edits, patch }) {
    if ((edits === undefined) === (patch === undefined)) return wrong('Give either edits or patch.');
    const old = await textOf(ctx, path);
    if (old === undefined) return binary(path);
    const edited = edits ? replaced(old, edits, path) : patched(old, patch ?? '', path);
    if ('refused' in edited) return edited.refused;
    await ctx.sandbox.writeFile(path, edited.now, ctx.signal);
    return { ok: true, output: edited.said, content: change(edited.now, old) };
  },
});

function replaced(old: string, edits: readonly Edit[], path: string): EditResult {
  let now = old;
  for (const [index, { old_str, new_str, all }] of edits.entries()) {
    const pieces = now.split(old_str);
    const times = pieces.length - 1;
    const which = `Edit ${index + 1} of ${edits.length}`;
    if (times === 0) {
      const output = `${which}: old_str does not occur in ${path}${index > 0 ? ' after the edits before it' : ''}. Nothing was changed.`;
      return { refused: { ok: false, reason: 'not_found', output } };
    }
    if (times > 1 && !all) {
      const output = `${which}: old_str occurs ${times} times in ${path}; take more of its surroundings, or set all. Nothing was changed.`;
      return { refused: { ok: false, reason: 'refused', output } };
    }
    now = pieces.join(new_str);
  }
  return { now, said: `Made ${edits.length} ${edits.length === 1 ? 'edit' : 'edits'} in ${path}.` };
}

function patched(old: string, patch: string, path: string): EditResult {
  const [parsed, ...more] = parse(patch);
  if (!parsed || parsed.hunks.length === 0) return { refused: wrong('The patch is not a unified diff with @@ lines.') };
  if (more.length > 0) return { refused: wrong('The patch is for several files. Call the tool once for each file.') };
  let now = old;
  // One hunk at a time, so that the answer can name the one that does not fit.
  for (const [index, hunk] of parsed.hunks.entries()) {
    const next = applyPatch(now, { ...parsed, hunks: [hunk] });
    if (next === false) {
      const output =
        `Hunk ${index + 1} of ${parsed.hunks.length} (line ${hunk.oldStart}) does not fit ${path}: ` +
        'its context and removed lines must be in the file as they are. Read the file again. Nothing was changed.';
      return { refused: { ok: false, reason: 'refused', output } };
    }
    now = next;
  }
  const { length } = parsed.hunks;
  return { now, said: `Applied ${length} ${length === 1 ? 'hunk' : 'hunks'} to ${path}.` };
}

function parse(patch: string): StructuredPatch[] {
  try {
    return parsePatch(patch.endsWith('\n') ? patch : `${patch}\n`);
  } catch {
    return [];
  }
}

const wrong = (output: string): ToolResult => ({ ok: false, reason: 'bad_arguments', output });

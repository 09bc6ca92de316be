import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { type FakeProvider, fakeProvider } from '../../test/support/agents/fake-models/server.ts';
import type { FakeRequest, ScriptedReply } from '../../test/support/agents/fake-models/wire-format.ts';
import type { Task } from './task.ts';

// A recorded conversation replaces the model. Its replies use the wire format of Chat Completions, and everything
// behind them is real, so a broken tool, sandbox or loop fails the task. No key is needed.

const Turn = z.strictObject({
  text: z.string().optional(),
  calls: z.array(z.strictObject({ name: z.string(), args: z.record(z.string(), z.unknown()) })).optional(),
});
const Recording = z.array(Turn).min(1);
type Recording = z.infer<typeof Recording>;

const provider = 'recorded';
export const recordedModelRef = (task: Task, attempt: number): string => `${provider}/${task.name}.${attempt}`;
/** Invented prices, so that reports have costs to show. */
const price = { input: 1, output: 4 };

export interface RecordedModels extends AsyncDisposable {
  readonly settings: Readonly<Record<string, string>>;
}

/** Rejects if a task has no recorded replies. */
export async function startRecordedModels(tasks: readonly Task[], attempts: number): Promise<RecordedModels> {
  const recordings = new Map<string, Recording>();
  const catalog: Record<string, object> = {};
  for (const task of tasks) {
    const recording = await recordingOf(task);
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const model = recordedModelRef(task, attempt);
      recordings.set(model.slice(provider.length + 1), recording);
      catalog[model] = { window: 200_000, 'max-output': 8_000, images: true, price };
    }
  }
  const server: FakeProvider = await fakeProvider('compatible', (request) => replyTo(request, recordings));
  return {
    settings: {
      CORRAL_MODELS_COMPATIBLE: JSON.stringify({ [provider]: { 'base-url': server.url } }),
      CORRAL_MODELS_CATALOG: JSON.stringify(catalog),
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function recordingOf({ name, folder }: Task): Promise<Recording> {
  const file = ['recorded.yaml', 'recorded.json'].map((it) => join(folder, it)).find(existsSync);
  if (!file) throw new Error(`The task ${name} has no recorded replies. Name a model with --model.`);
  const recording = Recording.safeParse(parse(await readFile(file, 'utf8')));
  if (!recording.success) throw new Error(`${file}: ${z.prettifyError(recording.error)}`);
  return recording.data;
}

interface RecordedRequest {
  readonly model: string;
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
  readonly messages: readonly {
    readonly role: string;
    readonly tool_calls?: readonly { readonly function: { readonly name: string } }[];
  }[];
}
const planning = 'make_plan';

/** Chooses the reply by the request alone, so that a repeated request gets the same reply. */
function replyTo({ body }: FakeRequest, recordings: ReadonlyMap<string, Recording>): ScriptedReply {
  const { model, tools = [], messages } = body as RecordedRequest;
  const recording = recordings.get(model) ?? [];
  const last = recording.at(-1)?.text ?? 'Done.';
  if (tools.length === 0) return { text: last };
  if (tools.every((tool) => tool.function.name === planning)) {
    return { calls: [{ name: planning, args: { title: model, steps: ['Do the task'] } }] };
  }
  const created = messages.filter(({ tool_calls: calls = [] }) => calls.some((it) => it.function.name !== planning));
  const { text, calls } = recording[created.length] ?? {};
  return text === undefined && !calls
    ? { text: last }
    : { ...(text !== undefined && { text }), ...(calls && { calls }) };
}

import { defaultCapabilities, type Model, type TurnPart, type TurnRequest } from '../../../src/agents/models/model.ts';

/** A promise: the turn continues when it settles, or ends when it is cancelled. */
export type ScriptLine = TurnPart | Promise<unknown>;
export type ScriptedModel = Model & { readonly requested: TurnRequest[] };

/** Plays one script per turn and records its requests. A script without an end gets a suitable one. */
export function scriptedModel(scripts: readonly (readonly ScriptLine[])[]): ScriptedModel {
  return functionModel((_request, turn) => {
    const script = scripts[turn];
    if (!script) throw new Error(`no script for turn ${turn + 1}`); // a broken test, not a failed turn
    return script;
  });
}

/** Calls a function for each answer: for simulations, where the request determines the answer. */
export function functionModel(decide: (request: TurnRequest, turn: number) => readonly ScriptLine[]): ScriptedModel {
  const requests: TurnRequest[] = [];
  return {
    name: 'scripted',
    abilities: { ...defaultCapabilities, window: 1_000_000, images: true, forcedTool: true },
    requested: requests,
    async *turn(request, signal) {
      const lines = decide(request, requests.push(structuredClone(request)) - 1);
      let called = false;
      for (const line of lines) {
        if (line instanceof Promise) await Promise.race([fired(signal), line]);
        if (signal.aborted) break;
        if (line instanceof Promise) continue;
        called ||= line.type === 'call';
        yield line;
        if (line.type === 'end') return;
      }
      if (signal.aborted) yield { type: 'end', outcome: { kind: 'cancelled' } };
      else yield finished(called ? 'calls' : 'done');
    },
  };
}

function fired(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}

const finished = (stop: 'calls' | 'done'): TurnPart => ({
  type: 'end',
  outcome: { kind: 'finished', stop, usage: { inputTokens: 1, outputTokens: 1 } },
});

import type { TurnRequest } from '../../../src/agents/models/model.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { RunWriter } from '../../../src/sessions/run/log/run-writer.ts';
import { Transcript } from '../../../src/sessions/run/log/transcript.ts';
import { TurnBudget } from '../../../src/sessions/run/turn-budget.ts';
import { runTurn } from '../../../src/sessions/run/turns/turn.ts';
import { exampleTurn, messageId, nothingYet, runId, scribeBench, sessionId } from '../machines/session-parts.ts';
import type { ScriptLine } from './scripted.ts';
import { smallModel } from './small-model.ts';

export const say = (delta: string): ScriptLine => ({ type: 'text', delta });
export const call = (n: number): ScriptLine => ({
  type: 'call',
  call: { callId: `c${n}`, name: 'file_read', args: { file: `f${n}` } },
});
export const words = (turn: number) => Array.from({ length: 800 }, (_, n) => `w${turn * n}`).join(' ');
export const wantsSummary = ({ hint = '' }: TurnRequest) => hint.includes('will be shortened now');

/** A run with a small model. `decide` gets the number of the turn, or -1 for a summary. */
export function smallRun(decide: (request: TurnRequest, turn: number) => readonly ScriptLine[]) {
  const bench = scribeBench();
  const { store, writer, clock } = bench;
  let turns = 0;
  const model = smallModel((request) => decide(request, wantsSummary(request) ? -1 : turns));
  return {
    ...bench,
    model,
    hear: (text: string) => bench.runWriter.hear({ messageId: messageId(turns + 1), text }),
    /** Takes a turn, and gives each of its calls a result. */
    async turn(resultOf: (callId: string) => string, more: object = {}, runWriter = bench.runWriter) {
      turns += 1;
      const parts = { model, runWriter, budget: new TurnBudget() };
      const turn = await runTurn(parts, { ...exampleTurn, ...more }, new AbortController().signal);
      if (!turn.ok) return turn;
      for (const { callId, name } of turn.message.calls) {
        const message = { role: 'tool', callId, name, output: resultOf(callId), success: true } as const;
        runWriter.add({ runId: runId(), message });
      }
      await runWriter.write(...turn.facts);
      return turn;
    },
    /** The run as the next server continues it. */
    async restarted() {
      const transcript = new Transcript(sessionId, store.records);
      await transcript.load();
      const of = { writer, transcript, clock, runId: runId(), ids: createIdSource(), soFar: nothingYet };
      return { transcript, runWriter: new RunWriter(of) };
    },
  };
}

import type { CommandQueue, QueuedCommand } from '../../core/contracts/ports.ts';
import type { SessionId } from '../../core/model/ids.ts';

interface KeptCommand {
  readonly json: string;
  readonly sessionId: SessionId;
  readonly at: number;
  answer?: string;
}

export function memoryCommands(): CommandQueue {
  const kept = new Map<string, KeptCommand>();
  const unanswered = () => [...kept.values()].filter(({ answer }) => answer === undefined).sort((a, b) => a.at - b.at);
  return {
    async post(command) {
      const { id, sessionId, at } = command;
      if (!kept.has(id)) kept.set(id, { json: JSON.stringify(command), sessionId, at });
    },
    async pending(sessionIds, limit) {
      const asked = new Set(sessionIds);
      const found = unanswered().filter(({ sessionId }) => asked.has(sessionId));
      return found.slice(0, limit).map(({ json }) => JSON.parse(json) as QueuedCommand);
    },
    async waiting(before, limit) {
      const late = unanswered().filter(({ at }) => at < before);
      return [...new Set(late.map(({ sessionId }) => sessionId))].slice(0, limit);
    },
    async answer(id, answer) {
      const found = kept.get(id);
      if (found) found.answer ??= JSON.stringify(answer) ?? 'null';
    },
    async answers(ids) {
      const found = ids.map((id) => [id, kept.get(id)?.answer] as const);
      return new Map(found.flatMap(([id, answer]) => (answer === undefined ? [] : [[id, JSON.parse(answer)]])));
    },
    async expire(before) {
      const old = [...kept].filter(([, { at }]) => at < before);
      for (const [id] of old) kept.delete(id);
      return old.length;
    },
  };
}

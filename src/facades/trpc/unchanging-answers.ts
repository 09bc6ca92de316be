import type { z } from 'zod';

// Some answers are the same object until something changes, and clients ask for them often. Their validated form and JSON
// text are cached with the object.

interface Note {
  by?: z.ZodType;
  made?: unknown;
  text?: string;
}
const notes = new WeakMap<object, Note>();

/** Marks an answer that never changes, so that its results are cached. */
export function unchanging<Answer extends object>(answer: Answer): Answer {
  notes.set(answer, {});
  return answer;
}

const noteOf = (answer: unknown): Note | undefined =>
  typeof answer === 'object' && answer !== null ? notes.get(answer) : undefined;

/** Validates an answer with a schema, once per marked answer. Throws the schema's error. */
export function checkedBy(schema: z.ZodType, answer: unknown): unknown {
  const note = noteOf(answer);
  if (note?.by === schema) return note.made;
  const made = schema.parse(answer);
  if (note && typeof made === 'object' && made !== null) Object.assign(note, { by: schema, made: unchanging(made) });
  return made;
}

/** A procedure's output parser that validates a marked answer once. */
export const cachedOutput =
  <Answer>(schema: z.ZodType<Answer>) =>
  (answer: unknown): Answer =>
    checkedBy(schema, answer) as Answer;

/** The text that `write` returns, made once per marked answer. */
export function writtenBy(write: () => string, answer: unknown): string {
  const note = noteOf(answer);
  if (!note) return write();
  note.text ??= write();
  return note.text;
}

import type { UntrustedReason } from '../core/events.ts';
import { type AnswerName, type AnswerOf, answers } from './answers.ts';
import { tooComplex } from './json-complexity.ts';

export type Judged<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: UntrustedReason; readonly detail: string };

const bad = (reason: UntrustedReason, detail: string) => ({ ok: false, reason, detail }) as const;

/** Parses and validates an answer's bytes. Counts the values before it builds anything from them. */
export function judge<Name extends AnswerName>(name: Name, bytes: Buffer): Judged<AnswerOf<Name>> {
  const rule = answers[name];
  if (bytes.length > rule.maxBytes) return bad('too_large', `more than ${rule.maxBytes} bytes`);
  const complaint = tooComplex(bytes, rule);
  if (complaint !== undefined) return bad('too_complex', complaint);
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString());
  } catch {
    return bad('not_json', `${bytes.length} bytes that are no JSON`);
  }
  const parsed = rule.shape.safeParse(json);
  if (parsed.success) return { ok: true, value: parsed.data as AnswerOf<Name> };
  const [issue] = parsed.error.issues;
  // The detail names the place and the kind of error. It never repeats the sandbox's own text.
  return bad('wrong_shape', `${issue?.path.map(String).join('.').slice(0, 100) || 'the answer'}: ${issue?.code}`);
}

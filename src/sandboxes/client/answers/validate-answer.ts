import { setImmediate as nextTurn } from 'node:timers/promises';
import { createKeyedQueue } from '../../../core/concurrency/keyed-queue.ts';
import type { ProtocolViolationReason } from '../../../core/model/events.ts';
import { parseJson } from '../../../core/text/json.ts';
import { type DaemonResponse, type DaemonResponseName, daemonResponseRules } from './answers.ts';

export type ValidationResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: ProtocolViolationReason; readonly detail: string };

const bad = (reason: ProtocolViolationReason, detail: string) => ({ ok: false, reason, detail }) as const;

/** Checks the rule's JSON limits before parsing. */
export function validateDaemonResponse<Name extends DaemonResponseName>(
  name: Name,
  bytes: Buffer,
): ValidationResult<DaemonResponse<Name>> {
  const rule = daemonResponseRules[name];
  const json = parseJson(bytes, rule);
  if (!json.ok) return bad(json.reason, json.detail);
  const parsed = rule.shape.safeParse(json.value);
  if (parsed.success) return { ok: true, value: parsed.data as DaemonResponse<Name> };
  const [issue] = parsed.error.issues;
  // The position and kind of the error, never the sandbox's own text.
  return bad('wrong_shape', `${issue?.path.map(String).join('.').slice(0, 100) || 'the answer'}: ${issue?.code}`);
}

/** Up to this size, validating blocks the event loop for two milliseconds at most. */
export const maxImmediateValidationBytes = 64 * 1024;
const inOrder = createKeyedQueue();

/** Validates at most one large response per event loop turn; the largest take 70 ms. */
export async function validateResponseInTurn<Name extends DaemonResponseName>(
  name: Name,
  bytes: Buffer,
): Promise<ValidationResult<DaemonResponse<Name>>> {
  if (bytes.length <= maxImmediateValidationBytes) return validateDaemonResponse(name, bytes);
  return await inOrder('large', async () => {
    await nextTurn();
    return validateDaemonResponse(name, bytes);
  });
}

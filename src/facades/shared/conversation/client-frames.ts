import { beginningOf } from '../../../core/text/text.ts';
import type { JsonObject } from '../../../http/transport/ws-socket.ts';
import type { SendMode } from '../../../sessions/api/sessions.ts';

export type ClientFrame =
  | { readonly kind: 'message'; readonly text: string; readonly mode: SendMode | undefined }
  | { readonly kind: 'stop' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'bad'; readonly message: string };

const maxText = 200_000;
const modes = new Set<unknown>(['inject', 'queue', 'replace']);

/** Parses a client's frame; `bad` explains to the client what is wrong. */
export function readClientFrame({ type, content, mode }: JsonObject): ClientFrame {
  if (type === 'stop' || type === 'ping') return { kind: type };
  if (type !== undefined && type !== 'message') return bad(`Unknown message type: ${named(type)}`);
  if (typeof content !== 'string' || content.trim() === '') return bad('content must be a non-empty string');
  if (content.length > maxText) return bad(`content must have at most ${maxText} characters`);
  if (mode != null && !modes.has(mode)) return bad('mode must be inject, queue or replace');
  return { kind: 'message', text: content, mode: (mode ?? undefined) as SendMode | undefined };
}

const bad = (message: string): ClientFrame => ({ kind: 'bad', message });

const named = (type: unknown): string => {
  const text = typeof type === 'string' ? type : JSON.stringify(type);
  return text.length > 100 ? `${beginningOf(text, 100)}…` : text;
};

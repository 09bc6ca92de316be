import { createHash } from 'node:crypto';
import { z } from 'zod';

// 16 hex digits, so that container and pod names can contain the id.
export const SessionId = z
  .string()
  .regex(/^[0-9a-f]{16}$/)
  .brand<'SessionId'>();
export type SessionId = z.infer<typeof SessionId>;

/** Derived from the session's id. Facades call it `container_id`. */
export const SandboxId = z
  .string()
  .regex(/^sbx-[0-9a-f]{16}$/)
  .brand<'SandboxId'>();
export type SandboxId = z.infer<typeof SandboxId>;
export const sandboxIdOf = (id: SessionId): SandboxId => SandboxId.parse(`sbx-${id}`);
export const sessionIdOf = (id: SandboxId): SessionId => SessionId.parse(id.slice(4));

/** Storage that outlives sessions. Folder and engine volume names contain the id. */
export const VolumeId = z
  .string()
  .regex(/^vol-[0-9a-f]{16}$/)
  .brand<'VolumeId'>();
export type VolumeId = z.infer<typeof VolumeId>;

export const RunId = z.uuid().brand<'RunId'>();
export type RunId = z.infer<typeof RunId>;
export const MessageId = z.uuid().brand<'MessageId'>();
export type MessageId = z.infer<typeof MessageId>;
/** The same `text` gives the same id, so retries create only one session. */
export const deriveSessionId = (text: string): SessionId => SessionId.parse(hashOf(text).slice(0, 16));
/** The same `text` gives the same id, which identifies resent messages. */
export function deriveMessageId(text: string): MessageId {
  const hex = hashOf(text);
  return MessageId.parse(
    `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`,
  );
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

export interface IdSource {
  sessionId(): SessionId;
  runId(): RunId;
  messageId(): MessageId;
  /** 12 hex digits, for ids without their own type. */
  short(): string;
  /** 256 random bits as base64url, for credentials. */
  token(): string;
}

export function createIdSource(): IdSource {
  const random = pooled();
  const hex = (bytes: number) => random(bytes).toString('hex');
  return {
    sessionId: () => SessionId.parse(hex(8)),
    runId: () => RunId.parse(crypto.randomUUID()),
    messageId: () => MessageId.parse(crypto.randomUUID()),
    short: () => hex(6),
    token: () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url'),
  };
}

/** Generates random bytes in bulk, which is faster. Never used for secrets. */
function pooled(): (bytes: number) => Buffer {
  const stock = Buffer.alloc(1_024);
  let at = stock.length;
  return (bytes) => {
    if (at + bytes > stock.length) {
      crypto.getRandomValues(stock);
      at = 0;
    }
    at += bytes;
    return stock.subarray(at - bytes, at);
  };
}

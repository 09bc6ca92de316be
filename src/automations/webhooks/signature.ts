import { createHmac } from 'node:crypto';

const prefix = 'whsec_';

/** A secret in Standard Webhooks format: a prefix and 32 random bytes in base64. */
export const formatSigningSecret = (bytes: Uint8Array): string => prefix + Buffer.from(bytes).toString('base64');

interface Message {
  readonly id: string;
  readonly timestamp: number; // epoch seconds
  readonly body: string;
}

export function buildSignatureHeaders(secret: string, { id, timestamp, body }: Message): Record<string, string> {
  const key = Buffer.from(secret.slice(prefix.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': `${timestamp}`, 'webhook-signature': `v1,${signature}` };
}

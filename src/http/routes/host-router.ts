import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

export interface RequestInterceptor {
  /** Must not change Host, which the guard checks. Returns true if the request is for this facade. */
  rewrite(request: IncomingMessage): boolean;
  /** Whether the `Host` header names this facade. The server accepts such a header. */
  answersTo(request: IncomingMessage): boolean;
  /** Whether a program in a sandbox handles the request, including OPTIONS. */
  isForProgram(request: IncomingMessage): boolean;
  /** Takes over an upgrade, or returns false to leave it to a route. */
  upgrade(request: IncomingMessage, socket: Duplex): boolean;
}

export function rewriteRequest(
  elsewhere: readonly Pick<RequestInterceptor, 'rewrite'>[],
  request: IncomingMessage,
): void {
  elsewhere.some(({ rewrite }) => rewrite(request));
}

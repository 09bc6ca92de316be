import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** Recognizes a facade's requests before routing: by Host, other headers, or path. */
export interface RequestInterceptor {
  /**
   * Can change the request's URL and headers, except Host, which the guard checks. True: the request is for this facade, and no
   * other facade is tried.
   */
  rewrite(request: IncomingMessage): boolean;
  /** Whether the request's Host is a name of this facade. The server accepts such names. */
  answersTo(request: IncomingMessage): boolean;
  /** Whether a program in a sandbox answers the request. If so, the program also answers OPTIONS itself. */
  isForProgram(request: IncomingMessage): boolean;
  /** Takes over an upgrade. False: a route handles it. */
  upgrade(request: IncomingMessage, socket: Duplex): boolean;
}

export function rewriteRequest(
  elsewhere: readonly Pick<RequestInterceptor, 'rewrite'>[],
  request: IncomingMessage,
): void {
  elsewhere.some(({ rewrite }) => rewrite(request));
}

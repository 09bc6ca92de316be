import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** Requests that a facade knows by their Host or other headers, not by their path. */
export interface HostRouter {
  /**
   * Can change the request's URL and headers, but neither Host nor Origin, which the guard compares. True: the request is for
   * this facade, and no other is asked.
   */
  rewrite(request: IncomingMessage): boolean;
  /** Whether the request's Host is a name of this facade, so that the server answers to it. */
  answersTo(request: IncomingMessage): boolean;
  /** Whether a program in a sandbox answers the request, so that its own answer to OPTIONS counts. */
  isForProgram(request: IncomingMessage): boolean;
  /** Takes an upgrade over; false: it is for a route. */
  upgrade(request: IncomingMessage, socket: Duplex): boolean;
}

/** Asks the facades in order, until one says that the request is its own. */
export function rewriteFor(elsewhere: readonly Pick<HostRouter, 'rewrite'>[], request: IncomingMessage): void {
  elsewhere.some(({ rewrite }) => rewrite(request));
}

import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** Requests that a dialect knows by their Host or other headers, not by their path. */
export interface Elsewhere {
  /** Can change the request's URL and headers. */
  rewrite(request: IncomingMessage): void;
  /** Takes an upgrade over; false: it is for a route. */
  upgrade(request: IncomingMessage, socket: Duplex): boolean;
}

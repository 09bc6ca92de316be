import type { Agent } from 'node:http';
import type { Client } from '../client.ts';
import type { Target } from '../target.ts';

/** A tunnel whose TLS the proxy terminates. */
export interface InterceptedTunnel {
  readonly client: Client;
  readonly target: Target;
  /** Connects only to the target. */
  readonly agent: Agent;
}

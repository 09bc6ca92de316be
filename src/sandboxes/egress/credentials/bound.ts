import type { Agent } from 'node:http';
import type { Client } from '../client.ts';
import type { Target } from '../target.ts';

/** A tunnel whose TLS the proxy ends. */
export interface InterceptedTunnel {
  readonly client: Client;
  readonly target: Target;
  /** Connects to the target alone. */
  readonly agent: Agent;
}

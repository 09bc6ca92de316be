import type { Agent } from 'node:http';
import type { EgressClient } from '../client.ts';
import type { Target } from '../target.ts';

/** A tunnel whose TLS the proxy terminates. */
export interface InterceptedTunnel {
  readonly client: EgressClient;
  readonly target: Target;
  readonly agent: Agent;
}

import type { Agent } from 'node:http';
import type { EgressClient } from '../client.ts';
import type { EgressTarget } from '../target.ts';

/** A tunnel whose TLS the proxy terminates. */
export interface InterceptedTunnel {
  readonly client: EgressClient;
  readonly target: EgressTarget;
  readonly agent: Agent;
}

import type { V1Pod } from '@kubernetes/client-node';
import type { SandboxId } from '../../src/core/model/ids.ts';
import type { Secret } from '../../src/core/text/secret.ts';
import type { ProvisionProgress, SandboxInfo, SandboxSpec } from '../driver.ts';
import type { KubeObject } from './api/collection.ts';
import type { KubeObjectOptions } from './api/objects.ts';
import type { Pods } from './pods/pod-state.ts';

export interface SandboxEngineOptions extends KubeObjectOptions {
  readonly pods: Pods;
  nameOf(id: SandboxId): string;
  egressToken(spec: SandboxSpec): Secret | undefined;
}

export interface SandboxStart {
  /** Creates or takes over the sandbox. The pod might not be running yet. */
  place(news: (news: ProvisionProgress) => void, signal: AbortSignal): Promise<V1Pod>;
  /** Shell command that stores the sandbox's identity and prints `done`. Undefined if not needed. */
  identity(pod: V1Pod): string | undefined;
  /** Call once the daemon answers. Resolves with the object that has the sandbox's complete labels. */
  finish(pod: V1Pod, signal: AbortSignal): Promise<KubeObject>;
  /** Never ends a sandbox that was already running. */
  undo(signal: AbortSignal): Promise<void>;
}

export interface SandboxEngine extends AsyncDisposable {
  begin(spec: SandboxSpec): SandboxStart;
  /** Undefined if the sandbox has no pod in use. Can reject with sandbox_unavailable while the sandbox is starting. */
  find(id: SandboxId, signal: AbortSignal): Promise<V1Pod | undefined>;
  list(live: readonly V1Pod[], signal: AbortSignal): Promise<SandboxInfo[]>;
  clear(id: SandboxId, workspace: 'keep' | 'remove', signal: AbortSignal): Promise<void>;
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { Clock } from '../../../../core/contracts/clock.ts';
import { toAppError } from '../../../../core/errors/errors.ts';
import type { SandboxHandle } from '../../../../sessions/api/sandbox-interior.ts';
import type { DataPlaneSandboxes } from '../sandboxes.ts';
import type { DataPlaneTarget } from '../target.ts';
import { ConnectError } from './connect.ts';

export interface DataPlaneCall {
  readonly sid: string;
  readonly target: DataPlaneTarget;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** Fires when the client disconnects, the server closes, or `cut` fires. */
  readonly signal: AbortSignal;
  /** Fires when the sandbox is paused or deleted, or when a token or credential becomes invalid. */
  readonly cut: AbortSignal;
  readonly closing: AbortSignal;
  readonly clock: Clock;
  audit(action: string, outcome: string): void;
  /** Variables in the form NAME=value, for every process that this facade starts. */
  readonly env: readonly string[];
  /** The sandbox stays in use until the handle is disposed. */
  enter(signal?: AbortSignal): Promise<SandboxHandle>;
  sample(): ReturnType<DataPlaneSandboxes['sample']>;
  home(inside: SandboxHandle): Promise<string>;
}

export function parseCallMessage<Shape extends z.ZodType>(shape: Shape, message: unknown): z.output<Shape> {
  const found = shape.safeParse(message);
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  throw new ConnectError('invalid_argument', `${issue?.path.join('.') || 'The message'}: ${issue?.message}`);
}

export function resolveSandboxPath(path: string, home: string): string {
  if (path === '' || path === '~') return home;
  if (path.startsWith('~/')) return `${home}/${path.slice(2)}`;
  if (path.startsWith('~')) throw new ConnectError('invalid_argument', 'Homes of other users are not available.');
  return path.startsWith('/') ? path : `${home}/${path}`;
}

const actions: Readonly<Record<string, string>> = {
  '/process.Process/Start': 'sandbox.command',
  '/process.Process/SendInput': 'process.input',
  '/process.Process/CloseStdin': 'process.input',
  '/process.Process/SendSignal': 'process.stop',
  '/filesystem.Filesystem/MakeDir': 'file.write',
  '/filesystem.Filesystem/Move': 'file.write',
  '/filesystem.Filesystem/Remove': 'file.remove',
  '/filesystem.Filesystem/WatchDir': 'file.watch',
  '/filesystem.Filesystem/CreateWatcher': 'file.watch',
  '/filesystem.Filesystem/RemoveWatcher': 'file.unwatch',
};
export function auditCall(
  { url, audit }: Pick<DataPlaneCall, 'url' | 'audit'>,
  failure?: { readonly thrown: unknown },
): void {
  const action = Object.hasOwn(actions, url.pathname) ? actions[url.pathname] : undefined;
  if (action !== undefined) audit(action, failure ? auditOutcomeOf(failure.thrown) : 'done');
}
export const auditOutcomeOf = (thrown: unknown): string =>
  thrown instanceof ConnectError ? thrown.code : toAppError(thrown).code;

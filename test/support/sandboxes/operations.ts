import type { OperationEntry, OperationSpec } from '../../../src/sandboxes/client/client.ts';

/** A command that a sandbox in a test runs, or has run. */
export interface RunningCommand {
  readonly request: OperationSpec;
  readonly output: string | Buffer;
  readonly over: PromiseWithResolvers<void>;
  end: Pick<OperationEntry, 'exitCode' | 'reason'> | undefined;
}

export const operationOf = ({ request, output, end }: RunningCommand): OperationEntry => ({
  id: request.id,
  state: end ? 'exited' : 'running',
  ...end,
  bytes: output.length,
  spool: `.corral/output/${request.id}.log`,
  pid: 4242,
  startedAt: 1,
  ...(end && { endedAt: 2 }),
});

/** Ends the command, unless it has ended already. */
export function endCommand(running: RunningCommand, end: Pick<OperationEntry, 'exitCode' | 'reason'>): void {
  running.end ??= end;
  running.over.resolve();
}

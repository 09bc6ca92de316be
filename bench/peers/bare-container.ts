// A container with the settings of a session's container, without its mounts, that runs another command.
import { type Inspected, tell } from '../lib/calls/engine-api.ts';

let count = 0;

/** Resolves with its id. */
export async function startBare(
  stack: AsyncDisposableStack,
  { Config, HostConfig }: Inspected,
  Cmd: readonly string[],
) {
  const name = `corral-bench-bare-${process.pid}-${++count}`;
  const Labels = { 'corral.bench': String(process.pid) };
  const body = { ...Config, Labels, WorkingDir: '/tmp', Cmd, HostConfig: { ...HostConfig, Mounts: [] } };
  const { Id: id } = await tell<{ Id: string }>('POST', `/containers/create?name=${name}`, body);
  stack.defer(() => tell('DELETE', `/containers/${id}?force=1`));
  await tell('POST', `/containers/${id}/start`);
  return id;
}

// A container with the settings of a session's container, without its mounts, that runs another command.
import { type Inspected, tell } from '../lib/calls/engine-api.ts';

let count = 0;

export async function bareContainer(
  { Config, HostConfig }: Inspected,
  Cmd: readonly string[],
): Promise<{ readonly id: string } & AsyncDisposable> {
  const name = `corral-bench-bare-${process.pid}-${++count}`;
  const Labels = { 'corral.bench': String(process.pid) };
  const body = { ...Config, Labels, WorkingDir: '/tmp', Cmd, HostConfig: { ...HostConfig, Mounts: [] } };
  const { Id: id } = await tell<{ Id: string }>('POST', `/containers/create?name=${name}`, body);
  const remove = async () => void (await tell('DELETE', `/containers/${id}?force=1`));
  await tell('POST', `/containers/${id}/start`);
  return { id, [Symbol.asyncDispose]: remove };
}

import { tell } from '../calls/engine-api.ts';

interface Listed {
  readonly Names: readonly string[];
  readonly Id: string;
}

/** The running, unclaimed containers of this installation's warm pool. */
export async function standing(instance: string): Promise<string[]> {
  const filters = encodeURIComponent(
    JSON.stringify({ label: ['corral.pool', `corral.owner-instance=${instance}`], status: ['running'] }),
  );
  const all = await tell<Listed[]>('GET', `/containers/json?filters=${filters}`);
  return all.filter(({ Names }) => Names.some((name) => name.includes('-warm-'))).map(({ Id }) => Id);
}

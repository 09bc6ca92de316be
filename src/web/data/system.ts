import { signal } from '@preact/signals';
import type { Outputs } from '../../client/types.ts';
import { fetchWithToken } from './server.ts';

export const serverInfo = signal<Outputs['system']['info'] | undefined>(undefined);
export const toolLabelsByName = signal<ReadonlyMap<string, Outputs['system']['tools'][number]>>(new Map());

async function read<Data>(name: string): Promise<Data | 'refused' | undefined> {
  const response = await fetchWithToken(`/trpc/system.${name}`).catch(() => undefined);
  if (response?.status === 401) return 'refused';
  return response?.ok ? ((await response.json()) as { result: { data: Data } }).result.data : undefined;
}

/** False: the server refused the token. */
export async function loadServerInfo(): Promise<boolean> {
  const [about, words] = await Promise.all([
    read<Outputs['system']['info']>('info'),
    read<Outputs['system']['tools']>('tools'),
  ]);
  if (about === 'refused') return false;
  serverInfo.value = about;
  if (words !== 'refused') toolLabelsByName.value = new Map(words?.map((tool) => [tool.name, tool]));
  return true;
}

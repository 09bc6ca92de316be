// @module-tag nightly
import { expect, test } from 'vitest';
import { openClient } from '../../support/clients/trpc.ts';
import { gitServer } from '../../support/egress/git-server.ts';
import {
  askStandIns,
  standInAnswers,
  standInImage,
  standInServices,
} from '../../support/sandboxes/stand-in-services.ts';
import { realServer } from '../../support/servers/real-server.ts';
import { worlds } from '../../support/worlds.ts';

const world = worlds.find(({ driver }) => driver === 'docker') as (typeof worlds)[number];

test('services that a repository asks for run once a person allows them, in that session alone', async (context) => {
  await using git = await gitServer('bot', 'a-secret-that-is-not-used');
  // JSON is YAML.
  git.make('public/shop', { '.corral/corral.yaml': JSON.stringify({ services: standInServices }) });
  git.make('public/closed', {
    '.corral/corral.yaml': 'services: {own: {image: "mallory/miner:latest"}, second: {image: "mallory/miner:2"}}\n',
  });
  await using real = await realServer(context, world, {
    ...git.settings,
    CORRAL_SANDBOX_SERVICE_IMAGES: standInImage,
  });
  using client = openClient(real.server.url, 'ws');
  const begin = async (name: string) => {
    const repository = { url: git.urlOf(`public/${name}`), path: name };
    const { id } = await client.sessions.create.mutate({ repositories: [repository] });
    const shell = async (command: string) => (await client.sandbox.exec.mutate({ sessionId: id, command })).stdout;
    const services = async () => (await client.sandbox.services.query({ sessionId: id })).map(({ name: it }) => it);
    return { id, shell, services };
  };
  const { id, shell, services } = await begin('shop');
  const of = { sessionId: id, path: 'shop' };
  expect(await shell('echo kept >kept.txt; getent hosts redis')).toBe('');
  expect(await services()).toEqual([]);
  const [found] = await client.repositories.list.query({ sessionId: id });
  expect(found?.environment).toMatchObject({ problem: null, services: standInServices });
  const details = real.factsOf(id, 'repository').map(({ data }) => data.detail);
  expect(details.join('\n')).toContain('It asks for the services web, redis, postgres, which a person has to allow.');

  await expect(client.repositories.allowServices.mutate({ ...of, names: ['web'] })).rejects.toThrow(/waits for redis/);
  await expect(client.repositories.allowServices.mutate({ ...of, names: ['none'] })).rejects.toThrow(/no service none/);
  expect(await services()).toEqual([]);
  const answer = await client.repositories.allowServices.mutate(of);
  expect(answer.services.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'web absent',
    'redis absent',
    'postgres absent',
  ]);
  expect(await shell(askStandIns)).toBe(standInAnswers);
  expect(await shell('cat kept.txt')).toBe('kept\n');
  // Allowed again they change nothing, and no sandbox ends.
  const again = await client.repositories.allowServices.mutate(of);
  expect(again.services.map(({ state }) => state)).toEqual(['running', 'running', 'ready']);

  const other = await begin('shop');
  expect(await other.shell('getent hosts redis')).toBe('');
  const rest = await real.client.ask('POST', `/${other.id}/repositories/services`, { path: 'shop', names: ['redis'] });
  expect(rest).toMatchObject({ status: 200, body: { data: { services: [{ name: 'redis', state: 'absent' }] } } });
  expect(await other.services()).toEqual(['redis']);

  const closed = await begin('closed');
  expect(await closed.shell('echo here')).toBe('here\n');
  const refused = client.repositories.allowServices.mutate({ sessionId: closed.id, path: 'closed' });
  await expect(refused).rejects.toThrow(/does not allow the image mallory\/miner:latest/);
  expect(await closed.services()).toEqual([]);
});

// @module-tag nightly
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { openClient } from '../../support/clients/trpc.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { mongoUrl, rawDatabase, skipMongo } from '../../support/stores/mongo.ts';

/** A database of its own, whose name also stands in the servers' address; disposing drops it. */
function freshDatabase() {
  const name = `corral_${randomBytes(4).toString('hex')}`;
  const url = new URL(mongoUrl as string);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    [Symbol.asyncDispose]: () => rawDatabase(name, (db) => db.dropDatabase()).then(() => {}),
  };
}

describe.skipIf(skipMongo)('two servers with one MongoDB (needs TEST_MONGODB_URL)', () => {
  test('a setting that a person changes at one server holds at the other, in its sessions and after both restarted', async () => {
    await using database = freshDatabase();
    const settings = { MONGODB_URL: database.url, CORRAL_REPLICAS_LEASE_SECONDS: '1' };
    const rules = [{ action: 'deny' as const, tool: 'shell_exec', pattern: 'echo *' }];
    {
      await using one = await composedServer(settings);
      await using other = await composedServer(settings);
      using atOne = openClient(one.url, 'sse');
      using atOther = openClient(other.url, 'sse');
      const { id } = await atOther.sessions.create.mutate({});
      const outputs = async () => {
        const { events } = await atOther.events.list.query({ sessionId: id, limit: 1_000 });
        return events.flatMap((event) => (event.type === 'tool.called' ? [event.data.output] : []));
      };
      await atOther.runs.send.mutate({ sessionId: id, text: fence('sh', 'echo one') });
      await expect.poll(async () => (await outputs()).length).toBe(1);
      expect((await outputs())[0]).toContain('one');

      await atOne.settings.change.mutate({ key: 'approvals.rules', value: rules });
      await atOne.settings.change.mutate({ key: 'max-steps', value: 7 });
      await expect.poll(() => other.core.live.now.maxSteps).toBe(7);
      const seen = (await atOther.settings.list.query()).settings;
      expect(seen).toContainEqual(expect.objectContaining({ key: 'max-steps', value: 7, from: 'page' }));
      await atOther.runs.send.mutate({ sessionId: id, text: fence('sh', 'echo two') });
      await expect.poll(async () => (await outputs()).length).toBe(2);
      expect((await outputs())[1]).toContain('a rule of this server denies shell_exec');

      await atOther.settings.reset.mutate({ key: 'max-steps' });
      await expect.poll(() => one.core.live.now.maxSteps).toBe(100);
      // A refused change is one at neither server.
      await expect(atOne.settings.change.mutate({ key: 'max-steps', value: -1 })).rejects.toThrow();
      expect([one.core.live.now.maxSteps, other.core.live.now.maxSteps]).toEqual([100, 100]);
    }
    await using again = await composedServer(settings);
    using client = openClient(again.url, 'sse');
    const kept = (await client.settings.list.query()).settings;
    expect(kept).toContainEqual(expect.objectContaining({ key: 'approvals.rules', value: rules, from: 'page' }));
    expect(kept).toContainEqual(expect.objectContaining({ key: 'max-steps', value: 100 }));
  });
});

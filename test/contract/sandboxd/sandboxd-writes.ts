import { Readable } from 'node:stream';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { SandboxClient } from '../../../src/sandboxes/client/client.ts';
import { budget, type SandboxdHarness } from './sandboxd.ts';

/** The tests of writes at any path, for daemons with real files, inside or outside a container. */
export function realWriteContract(name: string, open: () => Promise<SandboxdHarness>): void {
  describe(`writes at any path, ${name}`, () => {
    const opened = async () => {
      const harness = await open();
      onTestFinished(() => harness[Symbol.asyncDispose]());
      const { client } = harness;
      const sh = async (command: string) => (await client.exec({ command }, budget())).stdout.trim();
      const root = await sh('mktemp -d');
      onTestFinished(() => client.paths.remove(root, budget()).catch(() => {}));
      return { client, sh, root };
    };
    const write = (client: SandboxClient, path: string, text: string) =>
      client.paths.write(path, Readable.from([Buffer.from(text)]), budget());
    /** Sends half of a file, and breaks off once the sandbox has received it. */
    const cut = async (client: SandboxClient, path: string, arrived: () => Promise<boolean>) => {
      async function* half() {
        yield Buffer.alloc(200_000, 'x');
        await expect.poll(arrived).toBe(true);
        throw new Error('the source broke');
      }
      await expect(client.paths.write(path, half(), budget())).rejects.toThrow();
    };

    test('a transfer that is cut leaves the old file as it was, and no new one', async () => {
      const { client, sh, root } = await opened();
      await write(client, `${root}/old`, 'all of it');
      for (const file of ['old', 'new']) {
        await cut(client, `${root}/${file}`, async () => (await sh(`find ${root} -size +100k`)) !== '');
        await expect.poll(() => sh(`ls -A ${root}`)).toBe('old');
      }
      expect(await sh(`cat ${root}/old`)).toBe('all of it');
    });

    test('a reader sees the old file until the new one is whole', async () => {
      const { client, sh, root } = await opened();
      await write(client, `${root}/f`, 'old');
      async function* slow() {
        yield Buffer.from('n');
        await expect.poll(() => sh(`find ${root} -name '.corral-*' -size 1c`)).not.toBe('');
        expect(await sh(`cat ${root}/f`)).toBe('old');
        yield Buffer.from('ew');
      }
      await client.paths.write(`${root}/f`, slow(), budget());
      expect(await sh(`cat ${root}/f`)).toBe('new');
    });

    test('a file that is replaced keeps its mode, its links and its other names', async () => {
      const { client, sh, root } = await opened();
      await sh(`cd ${root} && echo a > f && chmod 750 f && ln -s f link && echo b > one && ln one two`);
      await write(client, `${root}/link`, 'through the link');
      await write(client, `${root}/one`, 'for both');
      expect(await sh(`cd ${root} && stat -c '%a %F' f link && cat f two && stat -c %h one`)).toBe(
        '750 regular file\n777 symbolic link\nthrough the linkfor both2',
      );
    });

    test('a cut transfer does not touch a file with two names', async () => {
      const { client, sh, root } = await opened();
      await sh(`cd ${root} && echo kept > one && ln one two`);
      await cut(client, `${root}/one`, async () => (await sh(`find ${root} -size +100k`)) !== '');
      expect(await sh(`cat ${root}/two`)).toBe('kept');
    });

    test('a link that leads to no file yet makes that file, and one that leads to itself is refused', async () => {
      const { client, sh, root } = await opened();
      await sh(`cd ${root} && mkdir d && ln -s d/made link && ln -s loop loop`);
      await write(client, `${root}/link`, 'made');
      expect(await sh(`cat ${root}/d/made; test -L ${root}/link && echo link`)).toBe('madelink');
      await expect(write(client, `${root}/loop`, 'x')).rejects.toMatchObject({ code: 'invalid_request' });
    });

    test('devices, pipes and files of /proc are written to directly', async () => {
      const { client, sh, root } = await opened();
      await write(client, '/dev/null', 'gone');
      expect(await sh('stat -c %F /dev/null')).toBe('character special file');
      await sh(`mkfifo ${root}/pipe`);
      await expect(write(client, `${root}/pipe`, 'nobody reads')).rejects.toMatchObject({ code: 'invalid_request' });
      const reading = sh(`cat ${root}/pipe`);
      const writes = () => write(client, `${root}/pipe`, 'read').then(() => 'written');
      await expect.poll(() => writes().catch(() => 'no reader yet')).toBe('written');
      expect(await reading).toBe('read');
      const pid = await sh('sleep 600 > /dev/null 2>&1 & echo $!');
      await write(client, `/proc/${pid}/oom_score_adj`, '500');
      expect(await sh(`cat /proc/${pid}/oom_score_adj; kill ${pid}`)).toBe('500');
    });

    test('a file is replaced in a folder where none can be made, and stays where it cannot be written', async (context) => {
      const { client, sh, root } = await opened();
      if ((await sh('id -u')) === '0') context.skip('nothing is forbidden to root');
      await sh(`cd ${root} && echo old > f && echo old > fixed && chmod 444 fixed && chmod 555 .`);
      await write(client, `${root}/f`, 'new');
      await expect(write(client, `${root}/fixed`, 'new')).rejects.toMatchObject({ code: 'invalid_request' });
      await expect(write(client, `${root}/none`, 'new')).rejects.toMatchObject({ code: 'invalid_request' });
      expect(await sh(`cat ${root}/f ${root}/fixed; chmod 755 ${root}`)).toBe('newold');
      expect((await client.listFiles('.', budget())).map((entry) => entry.name)).toEqual([]);
    });

    test('parallel writers of one file leave one of them whole', async () => {
      const { client, sh, root } = await opened();
      const texts = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(300_000));
      await Promise.all(texts.map((text) => write(client, `${root}/f`, text)));
      expect(await sh(`tr -s abcd < ${root}/f; stat -c %s ${root}/f; ls -A ${root} | wc -l`)).toMatch(
        /^[a-d]300000\n1$/,
      );
    });
  });
}

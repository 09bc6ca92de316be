// @module-tag nightly
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Outputs } from '../../../src/client/types.ts';
import { removeBuiltImages } from '../../support/sandboxes/docker.ts';
import { needs } from '../../support/servers/components.ts';
import { axeFinds, desk, phone, wide } from './desk.ts';

const { server, page: open, call } = desk({ CORRAL_DRIVER: 'docker', CORRAL_BUILDS_ALLOW: 'on' });
const shots = process.env.CORRAL_SCREENSHOTS;

type BuildInfo = Outputs['templateBuilds']['begin'];
const build = async (name: string, dockerfile: string) => {
  const { template, build: begun } = await call<BuildInfo>('templateBuilds.begin', { name });
  await call('templateBuilds.start', { id: template.id, build: begun.id, dockerfile });
};

test('the page shows the builds of a template and their logs, follows one that runs, stops and deletes', async (context) => {
  await needs(context, 'docker');
  const { config } = await server();
  onTestFinished(async () => removeBuiltImages((await readFile(join(config.dataDir, 'instance'), 'utf8')).trim()));
  const { page, complaints } = await open(context);
  const see = async (view: string) => {
    for (const size of [wide, phone]) {
      await page.setViewportSize(size);
      if (shots) await page.screenshot({ path: join(shots, `${view} at ${size.width} pixels.png`) });
      expect(await axeFinds(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
    }
    await page.setViewportSize(wide);
  };
  const settings = page.getByRole('dialog');
  const enter = async () => {
    await page.keyboard.press('Control+,');
    await settings.getByRole('button', { name: 'Built templates', exact: true }).click();
  };
  await enter();
  await settings.getByText('There are none yet.').waitFor();
  await page.keyboard.press('Escape');

  await build('tools:v1', 'FROM corral/sandbox\nRUN echo "first of the build" && seq 1 40');
  await enter();
  await settings.getByRole('button', { name: /^tools/ }).click();
  const log = settings.getByRole('region', { name: 'Log of the build' });
  await log.getByText('first of the build').first().waitFor();
  const builds = settings.getByRole('list', { name: 'Builds' }).getByRole('button');
  await builds.getByText('Ready', { exact: true }).waitFor();
  await builds.getByText('v1', { exact: true }).waitFor();
  expect(await builds.count()).toBe(1);
  await see('a built template');

  await build('tools:v2', 'FROM corral/sandbox\nRUN echo "second of the build" && sleep 600');
  await settings.getByRole('button', { name: 'All built templates' }).click();
  await see('built templates');
  await settings.getByRole('button', { name: /^tools/ }).click();
  await builds.getByText('Is built', { exact: true }).waitFor();
  await log.getByText('second of the build').first().waitFor();
  await see('a build that runs');
  await log.getByRole('button', { name: 'Stop the build' }).click();
  await builds.getByText('Failed', { exact: true }).waitFor();
  await builds.last().click();
  await log.getByText('first of the build').first().waitFor();
  expect(await log.getByText('second of the build').count()).toBe(0);

  await settings.getByRole('button', { name: 'Delete tools' }).click();
  await settings.getByRole('group', { name: 'Delete tools' }).getByRole('button', { name: 'Delete' }).click();
  await settings.getByText('There are none yet.').waitFor();
  await expect(call('sessions.create', { built: 'tools:v1' })).rejects.toThrow('not_found');
  expect(complaints).toEqual([]);
});

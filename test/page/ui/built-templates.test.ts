// @module-tag nightly
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { Outputs } from '../../../src/client/types.ts';
import { removeBuiltImages } from '../../support/sandboxes/docker.ts';
import { axeFinds, type Desk, deskTest, openSettings, phone, wide } from './desk.ts';

const test = deskTest({ CORRAL_DRIVER: 'docker', CORRAL_BUILDS_ALLOW: 'on' });
type BuildInfo = Outputs['templateBuilds']['begin'];
const build = async (desk: Desk, name: string, dockerfile: string) => {
  const { template, build: begun } = await desk.call<BuildInfo>('templateBuilds.begin', { name });
  await desk.call('templateBuilds.start', { id: template.id, build: begun.id, dockerfile });
};

test('the page shows builds of a template and their logs, follows one, stops and deletes', async ({ desk }) => {
  const { config } = desk.server;
  onTestFinished(async () => removeBuiltImages((await readFile(join(config.dataDir, 'instance'), 'utf8')).trim()));
  const { page, complaints } = await desk.open();
  const see = async () => {
    for (const size of [wide, phone]) {
      await page.setViewportSize(size);
      expect(await axeFinds(page)).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
    }
    await page.setViewportSize(wide);
  };
  const settings = await openSettings(page, 'Built templates');
  await settings.getByText('No templates yet.').waitFor();
  await page.keyboard.press('Escape');

  await build(desk, 'tools:v1', 'FROM corral/sandbox\nRUN echo "first of the build" && seq 1 40');
  await openSettings(page, 'Built templates');
  await settings.getByRole('button', { name: /^tools/ }).click();
  const log = settings.getByRole('region', { name: 'Build log' });
  await log.getByText('first of the build').first().waitFor();
  const builds = settings.getByRole('list', { name: 'Builds' }).getByRole('button');
  await builds.getByText('Ready', { exact: true }).waitFor();
  await builds.getByText('v1', { exact: true }).waitFor();
  expect(await builds.count()).toBe(1);
  await see();

  await build(desk, 'tools:v2', 'FROM corral/sandbox\nRUN echo "second of the build" && sleep 600');
  await settings.getByRole('button', { name: 'All built templates' }).click();
  await see();
  await settings.getByRole('button', { name: /^tools/ }).click();
  await builds.getByText('Building', { exact: true }).waitFor();
  await log.getByText('second of the build').first().waitFor();
  await see();
  await log.getByRole('button', { name: 'Stop build' }).click();
  await builds.getByText('Failed', { exact: true }).waitFor();
  await builds.last().click();
  await log.getByText('first of the build').first().waitFor();
  expect(await log.getByText('second of the build').count()).toBe(0);

  await settings.getByRole('button', { name: 'Delete tools' }).click();
  await settings.getByRole('group', { name: 'Delete tools' }).getByRole('button', { name: 'Delete' }).click();
  await settings.getByText('No templates yet.').waitFor();
  await expect(desk.call('sessions.create', { built: 'tools:v1' })).rejects.toThrow('not_found');
  expect(complaints).toEqual([]);
});

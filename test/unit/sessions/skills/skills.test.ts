import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import type { RecordStore } from '../../../../src/core/contracts/ports.ts';
import type { AppError } from '../../../../src/core/errors/errors.ts';
import { createIdSource } from '../../../../src/core/model/ids.ts';
import type { SkillFile } from '../../../../src/sessions/api/server/skills.ts';
import { CopyStore } from '../../../../src/sessions/forks/copies.ts';
import { parseSkill } from '../../../../src/sessions/run/skills/parse-skill.ts';
import { SkillRecords } from '../../../../src/sessions/skills/records.ts';
import { SessionSkillResolver } from '../../../../src/sessions/skills/session-skills.ts';
import { checkSkillFolder } from '../../../../src/sessions/skills/skill-files.ts';
import { createSkillService } from '../../../../src/sessions/skills/skills.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { namesInZip } from '../../../support/names-in-zip.ts';
import { memoryBlobs } from '../../../support/stores/memory-blobs.ts';

const skillMd = (name: string, description = 'How letters are written.', body = 'Be brief.') =>
  `---\nname: ${name}\ndescription: ${description}\n---\n${body}\n`;
const file = (path: string, text: string): SkillFile => ({ path, bytes: Buffer.from(text) });
const folder = (name: string, body?: string) => [
  file(`${name}/SKILL.md`, skillMd(name, undefined, body)),
  file(`${name}/scripts/run.sh`, '#!/bin/sh\necho done\n'),
];

function world(templates: { name: string; skills?: string[] }[] = [], own: Partial<RecordStore> = {}) {
  const { records } = createInMemoryStore();
  const blobs = memoryBlobs();
  const clock = manualClock(1_000);
  const skills = createSkillService({
    records: new SkillRecords({ records: { ...records, ...own } }),
    copies: new CopyStore({ records, blobs, clock, newId: () => 'copy' }),
    ...{ blobs, clock, ids: createIdSource(), templates: () => templates },
  });
  return { skills, blobs, records };
}
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error: AppError) => error.code,
  );

test.each(['skill', 'skill-version'])(
  'an upload that fails at or after the put of a %s leaves the name free',
  async (kind) => {
    let left = 1;
    const put: RecordStore['put'] = async (choice) => {
      if (choice.kind === kind && left-- > 0) throw new Error('killed');
      return await records.put(choice);
    };
    const { skills, records } = world([], { put });
    const choice = { files: folder('letters'), owner: 'ann' };
    await expect(skills.create(choice)).rejects.toThrow('killed');
    expect(await skills.list('ann')).toEqual([]);
    const { id } = await skills.create(choice);
    expect(await skills.versions(id)).toHaveLength(1);
    expect(await codeOf(skills.create(choice))).toBe('conflict');
  },
);

test('a SKILL.md says its name, its description and what else the form knows', () => {
  const text =
    '---\nname: pdf-forms\ndescription: >\n  Fill forms.\nlicense: MIT\nallowed-tools: Bash(git:*) Read\nmetadata: {a: b}\nextra: 1\n---\n# Forms\n';
  const { skill, problems, warnings } = parseSkill(text, 'pdf-forms');
  expect(problems).toEqual([]);
  expect(skill).toMatchObject({
    name: 'pdf-forms',
    description: 'Fill forms.',
    license: 'MIT',
    allowedTools: ['Bash(git:*)', 'Read'],
    body: '# Forms\n',
  });
  expect(warnings).toEqual(['SKILL.md: extra is not a known field, and is not used.']);
});

test.each([
  ['nothing', '', 'without a usable name'],
  ['no name', '---\ndescription: x\n---\n', 'without a usable name'],
  ['no instructions and no description', '---\nname: a\n---\n', 'neither a description'],
  ['no end of its fields', '---\nname: a\ndescription: b\n', 'that ends its fields is missing'],
])('a SKILL.md with %s is refused, and the reason says what is wrong', (_, text, reason) => {
  const { skill, problems } = parseSkill(text);
  expect(skill).toBeUndefined();
  expect(problems.join('\n')).toContain(reason);
});

test.each([
  ['no SKILL.md', [file('a/README.md', '')], 'There is no SKILL.md'],
  ['another spelling of it', [file('a/skill.md', skillMd('a'))], 'must be called SKILL.md'],
  ['a path that leads out', [file('a/../../etc/passwd', ''), file('a/SKILL.md', skillMd('a'))], 'not a relative path'],
  ['an absolute path', [file('/etc/passwd', '')], 'not a relative path'],
  ['a path twice', [file('SKILL.md', skillMd('a')), file('SKILL.md', '')], 'is listed twice'],
  ['a file as a folder', [file('a/SKILL.md', skillMd('a')), file('a/x', ''), file('a/x/y', '')], 'lies below a file'],
  ['nothing', [], 'There are no files'],
])('a folder with %s cannot be a skill', (_, files, reason) => {
  const { folder: found, problems } = checkSkillFolder(files);
  expect(found).toBeUndefined();
  expect(problems.join('\n')).toContain(reason);
});

test('a skill keeps its name over its versions, and each version keeps its files', async () => {
  const { skills } = world();
  const { id } = await skills.create({ files: folder('letters'), owner: 'ann' });
  const second = await skills.addVersion(id, { files: folder('letters', 'Be kind.') });
  expect(second.number).toBe(2);
  expect(await codeOf(skills.addVersion(id, { files: folder('cards') }))).toBe('invalid_request');
  expect(await skills.read(id, '1', 'SKILL.md')).toContain('Be brief.');
  expect(await skills.read(id, 'latest', 'SKILL.md')).toContain('Be kind.');
  expect(await codeOf(skills.read(id, '1', '../SKILL.md'))).toBe('file_not_found');
  expect((await skills.get(id)).latestVersion).toBe(second.id);
  await skills.deleteVersion(id, second.id);
  expect((await skills.addVersion(id, { files: folder('letters') })).number).toBe(3);
});

test('a download is a zip file with one folder, and scripts stay executable', async () => {
  const { skills } = world();
  const { id } = await skills.create({ files: folder('letters') });
  const version = await skills.version(id, 'latest');
  const modes = version.files.map(({ path, executable }) => `${path} ${executable}`);
  expect(modes).toEqual(['SKILL.md false', 'scripts/run.sh true']);
  const bytes = await buffer((await skills.download(id, 'latest')).content);
  expect(namesInZip(bytes)).toEqual(['letters/SKILL.md', 'letters/scripts/run.sh']);
  const central = bytes.lastIndexOf(Buffer.from('PK\x01\x02', 'latin1'));
  expect((bytes.readUInt32LE(central + 38) >>> 16) & 0o777).toBe(0o755);
});

test('two people and a project can have a skill of one name, and none has two', async () => {
  const { skills } = world();
  await skills.create({ files: folder('letters'), owner: 'ann' });
  await skills.create({ files: folder('letters'), owner: 'bob' });
  const inProject = { files: folder('letters'), owner: 'ann', projectId: 'p' };
  await skills.create(inProject);
  expect(await codeOf(skills.create({ ...inProject, owner: 'bob' }))).toBe('conflict');
  expect((await skills.list('bob', ['p'])).map(({ owner }) => owner).sort()).toEqual(['ann', 'bob']);
  expect((await skills.list('ann')).map(({ projectId }) => projectId)).toEqual([undefined]);
  const results = await Promise.all([1, 2].map(() => codeOf(skills.create({ files: folder('cards'), owner: 'ann' }))));
  expect(results.sort()).toEqual(['conflict', 'none']);
});

test('a refused upload and a deleted skill leave no bytes behind', async () => {
  const { skills, blobs } = world();
  const { id } = await skills.create({ files: folder('letters') });
  await codeOf(skills.create({ files: folder('letters') }));
  expect(blobs.kept.size).toBe(1);
  await skills.addVersion(id, { files: folder('letters') });
  await skills.delete(id);
  expect([blobs.kept.size, await codeOf(skills.get(id))]).toEqual([0, 'not_found']);
  await skills.create({ files: folder('letters') });
});

test('what a template names cannot be deleted', async () => {
  const { skills } = world([{ name: 'writer', skills: ['letters@1'] }]);
  const { id } = await skills.create({ files: folder('letters'), shared: true });
  await skills.addVersion(id, { files: folder('letters') });
  expect(await skills.pins(id)).toEqual([{ template: 'writer', version: 1 }]);
  expect(await codeOf(skills.delete(id))).toBe('conflict');
  expect(await codeOf(skills.deleteVersion(id, '1'))).toBe('conflict');
  await skills.deleteVersion(id, '2');
});

test("a template gets shared skills alone, and a session its owner's before shared ones", async () => {
  const { skills } = world();
  await skills.create({ files: folder('letters', 'Theirs.'), owner: 'eve' });
  let pins = ['letters'];
  const sessionSkills = new SessionSkillResolver({ skills, readPins: async () => pins, newId: () => 'x' });
  const session = (owner: string, more: string[] = []) => ({ owner, skills: more }) as never;
  expect(await codeOf(sessionSkills.of(session('eve')))).toBe('not_found');
  await skills.create({ files: folder('letters', 'Shared.'), owner: 'root', shared: true });
  const textOf = async (owner: string, more: string[] = []) =>
    await (await sessionSkills.of(session(owner, more)))[0]?.read('SKILL.md');
  expect(await textOf('eve')).toContain('Shared.');
  expect(await textOf('eve', ['letters'])).toContain('Theirs.');
  expect(await textOf('ann', ['letters'])).toContain('Shared.');
  await skills.create({ files: folder('letters', 'Of the project.'), owner: 'eve', projectId: 'p' });
  const ofProject = { owner: 'eve', skills: ['letters'], projectId: 'p' } as never;
  expect(await (await sessionSkills.of(ofProject))[0]?.read('SKILL.md')).toContain('Of the project.');
  expect(await textOf('eve', ['letters'])).toContain('Theirs.');
  pins = [];
  expect(await sessionSkills.of(session('ann'))).toEqual([]);
  expect(await codeOf(sessionSkills.check(['letters@7'], { owner: 'ann' }))).toBe('not_found');
});

test('the agent that a program gave its session has its skills by ids, and a deleted one fails it', async () => {
  const { skills } = world();
  const input = { files: folder('letters', 'First.'), owner: 'ann' };
  const { id: skill, latestVersion: version } = await skills.create(input);
  await skills.addVersion(skill, { files: folder('letters', 'Second.') });
  const sessionSkills = new SessionSkillResolver({ skills, readPins: async () => [], newId: () => 'x' });
  const session = (more: object = {}) => ({ owner: 'ann', agent: { skills: [{ skill, version }], ...more } }) as never;
  const [offered] = await sessionSkills.of(session());
  expect([offered?.folder, offered?.version]).toEqual(['.corral/skills/letters', version]);
  expect(await offered?.read('SKILL.md')).toContain('First.');
  const [elsewhere] = await sessionSkills.of(session({ environment: 'env_1' }));
  expect(elsewhere?.folder).toBe('skills/letters');
  await skills.deleteVersion(skill, version);
  expect(await codeOf(sessionSkills.of(session()))).toBe('not_found');
});

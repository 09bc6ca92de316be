import { useEffect, useRef, useState } from 'preact/hooks';
import { navigateToSession } from '../data/route.ts';
import { mutate, query } from '../data/server.ts';
import { focusWhenRendered } from '../parts/focus.ts';
import { RelativeTime } from '../parts/kit/ago.tsx';
import { Button } from '../parts/kit/button.tsx';
import { closeDialog, confirmAction, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { Form, MultiChoiceField } from '../parts/kit/field.tsx';
import { List } from '../parts/kit/list.tsx';
import { FormError, LoadPlaceholder, useLoadAction } from '../parts/kit/trouble.tsx';
import { ProjectField, projectNameOf } from '../sessions/filter-bar.tsx';
import { loadProjects, projectFilter } from '../sessions/filters.ts';
import { t, translateServerText } from '../text/text.ts';
import {
  addChosenSkill,
  isUnusableFile,
  loadSkills,
  readChosenFolder,
  readChosenSkills,
  type SkillDetail,
  saveChosenSkills,
  skills,
} from './state.ts';

export const openSkills = (): void => showDialog(<Skills />);
const openSkill = (id: string): void => showDialog(<SkillView id={id} back={openSkills} />);

function Skills() {
  const [trouble, tryIt] = useLoadAction(t('skills.unread'), () => Promise.all([loadSkills(), loadProjects()]));
  const [problems, setProblems] = useState<readonly string[]>([]);
  const [project, setProject] = useState(projectFilter.value);
  const upload = (chosen: readonly File[]) =>
    tryIt(t('skills.notUploaded'), async () => {
      if (await isUnusableFile(chosen)) return setProblems([t('skills.unusableFile')]);
      const files = await readChosenFolder(chosen);
      if (!files) return setProblems([t('skills.tooLarge')]);
      const { name, problems: found, warnings } = await mutate('skills.check', { files });
      setProblems([...found, ...warnings]);
      if (found.length > 0) return;
      const projectId = project || null;
      const known = skills.value?.find((one) => one.name === name && one.projectId === projectId);
      const id = known?.id ?? (await mutate('skills.create', { files, projectId })).id;
      if (known) await mutate('skills.addVersion', { id, files });
      await loadSkills();
      if (warnings.length === 0) openSkill(id);
    });
  return (
    <Dialog title={t('skills')} wide>
      <p class="quiet">{t('skills.about')}</p>
      <ProjectField value={project} onChange={setProject} />
      <div class="row wrap">
        <UploadButton label={t('skills.upload')} isFolder act={upload} />
        <UploadButton label={t('skills.uploadFile')} act={upload} />
      </div>
      <FormError text={trouble} />
      {problems.length > 0 && (
        <ul class="note wait" role="status">
          {problems.map((text) => (
            <li key={text}>{translateServerText(text)}</li>
          ))}
        </ul>
      )}
      <List
        none={t('skills.none')}
        items={skills.value?.map(({ id, name, description, shared, projectId }) => ({
          key: id,
          title: name,
          lines: [description, projectNameOf(projectId) ?? t(shared ? 'skills.shared' : 'skills.own')],
          open: () => openSkill(id),
        }))}
      />
    </Dialog>
  );
}

/** `isFolder`: opens a folder picker, which phones lack. */
type UploadProps = { label: string; isFolder?: boolean; act: (files: readonly File[]) => unknown };

function UploadButton({ label, isFolder = false, act }: UploadProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.toggleAttribute('webkitdirectory', isFolder);
  }, []);
  return (
    <>
      <Button
        kind={isFolder ? 'primary' : 'plain'}
        icon="upload"
        label={label}
        onClick={() => field.current?.click()}
      />
      <input
        ref={field}
        type="file"
        hidden
        aria-label={label}
        accept={isFolder ? undefined : '.zip,.md'}
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])]; // clearing the field empties its list
          currentTarget.value = '';
          if (files.length > 0) act(files);
        }}
      />
    </>
  );
}

function SkillView({ id, back }: { id: string; back: () => void }) {
  const [skill, setSkill] = useState<SkillDetail>();
  const [text, setText] = useState('');
  const read = async () => {
    setSkill(await query('skills.get', { id }));
    setText((await query('skills.read', { id, version: 'latest', file: 'SKILL.md' })).text);
  };
  const [trouble, , again] = useLoadAction(t('skills.unread'), read, [id]);
  if (!skill)
    return (
      <Dialog title={t('skills')} wide>
        <LoadPlaceholder problem={trouble} again={again} />
      </Dialog>
    );
  const { name, description, versions, pins } = skill;
  const use = async () => {
    await addChosenSkill(undefined, name);
    closeDialog();
    navigateToSession(undefined);
    focusWhenRendered(() => document.getElementById('message'));
  };
  const remove = () =>
    confirmAction({
      title: t('skills.delete', { name }),
      text: t('skills.deleteText'),
      yes: t('delete'),
      back: () => showDialog(<SkillView id={id} back={back} />),
      act: () => {
        void mutate('skills.delete', { id }).then(loadSkills);
        setTimeout(back);
      },
    });
  return (
    <Dialog title={name} wide>
      <p>{description}</p>
      <div class="choices start">
        <Button icon="back" label={t('skills.all')} onClick={back} />
        <Button kind="primary" label={t('skills.use')} onClick={use} />
        <Button icon="trash" label={t('delete')} onClick={remove} />
      </div>
      <FormError text={trouble} />
      <h3>{t('skills.pins')}</h3>
      {pins.length === 0 && <p class="quiet">{t('skills.noPins')}</p>}
      <ul>
        {pins.map(({ template, version }) => (
          <li key={`${template}@${version}`}>
            {template}: {version === null ? t('skills.newest') : `${name}@${version}`}
          </li>
        ))}
      </ul>
      <h3>{t('skills.versions')}</h3>
      <ul class="automation-starts grid">
        {versions.map(({ id: version, number, createdAt, files }) => (
          <li key={version} class="row">
            <strong>
              {name}@{number}
            </strong>
            <RelativeTime at={createdAt} />
            <span class="quiet">{t('skills.files', { n: files.length })}</span>
          </li>
        ))}
      </ul>
      <h3>SKILL.md</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled text needs the keys */}
      <pre class="automation-message padded scrolls pre" tabIndex={0}>
        {text}
      </pre>
    </Dialog>
  );
}

/** If `id` is undefined, the choice applies to the next new session. */
export const openSkillPicker = (id: string | undefined): void => showDialog(<ChooseSkills id={id} />);

function ChooseSkills({ id }: { id: string | undefined }) {
  const [chosen, setChosen] = useState<readonly string[]>();
  const read = async () => {
    await loadSkills();
    setChosen(await readChosenSkills(id));
  };
  const [trouble] = useLoadAction(t('skills.unread'), read, [id]);
  const pinOf = (name: string) => chosen?.find((pin) => pin.split('@')[0] === name) ?? name;
  const save = async () => {
    await saveChosenSkills(id, chosen ?? []);
    closeDialog();
  };
  return (
    <Dialog title={t('skills.choose')}>
      <Form failure={t('notSaved')} save={t('skills.take')} onSave={save}>
        <FormError text={trouble} />
        {chosen && skills.value?.length === 0 && <p class="quiet">{t('skills.none')}</p>}
        {chosen && skills.value && skills.value.length > 0 && (
          <MultiChoiceField
            legend={t(id === undefined ? 'skills.ofNext' : 'skills.ofThis')}
            choices={skills.value.map(({ name, description }) => [pinOf(name), name, description])}
            chosen={chosen}
            onChange={setChosen}
          />
        )}
      </Form>
    </Dialog>
  );
}

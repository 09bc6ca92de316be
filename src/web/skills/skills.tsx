import { useEffect, useRef, useState } from 'preact/hooks';
import { mutate } from '../data/server.ts';
import { Button } from '../parts/kit/button.tsx';
import { Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { List } from '../parts/kit/list.tsx';
import { FormError, useActionError } from '../parts/kit/trouble.tsx';
import { loadProjects, projectFilter } from '../sessions/filters.ts';
import { ProjectField, projectName } from '../sessions/project-field.tsx';
import { t } from '../text/text.ts';
import { SkillView } from './one.tsx';
import { loadSkills, readFolder, skills } from './state.ts';

export const openSkills = (): void => showDialog(<Skills />);
const openSkill = (id: string): void => showDialog(<SkillView id={id} back={openSkills} />);

function Skills() {
  const [trouble, tryIt] = useActionError();
  const [problems, setProblems] = useState<readonly string[]>([]);
  const [project, setProject] = useState(projectFilter.value);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    field.current?.setAttribute('webkitdirectory', '');
    void tryIt(t('skills.unread'), () => Promise.all([loadSkills(), loadProjects()]));
  }, []);
  const upload = (chosen: FileList) =>
    tryIt(t('skills.notUploaded'), async () => {
      const files = await readFolder(chosen);
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
      <div>
        <Button kind="primary" icon="upload" label={t('skills.upload')} onClick={() => field.current?.click()} />
        <input
          ref={field}
          type="file"
          hidden
          aria-label={t('skills.upload')}
          onChange={({ currentTarget }) => {
            if (currentTarget.files?.length) void upload(currentTarget.files);
            currentTarget.value = '';
          }}
        />
      </div>
      <FormError text={trouble} />
      {problems.length > 0 && (
        <ul class="note wait" role="status">
          {problems.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
      <List
        none={t('skills.none')}
        items={skills.value?.map(({ id, name, description, shared, projectId }) => ({
          key: id,
          title: name,
          lines: [description, projectName(projectId) ?? t(shared ? 'skills.shared' : 'skills.own')],
          open: () => openSkill(id),
        }))}
      />
    </Dialog>
  );
}

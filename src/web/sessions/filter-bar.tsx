import { useState } from 'preact/hooks';
import { IconButton } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { ChoiceField, Form, TextField } from '../parts/kit/field.tsx';
import { t } from '../text/text.ts';
import { isSelectingSessions, stopSelectingSessions } from './choosing.ts';
import { createProject, projectFilter, projects, type StatusFilter, statusFilter, statusFilters } from './filters.ts';

const newProject = '+'; // not a valid project id

export const SelectSessionsButton = () => (
  <IconButton
    icon="plan"
    label={t('chooseMany')}
    aria-pressed={isSelectingSessions.value}
    onClick={() => {
      if (isSelectingSessions.value) stopSelectingSessions();
      else isSelectingSessions.value = true;
    }}
  />
);

export function FilterBar() {
  return (
    <div class="row filter-bar rigid">
      <select
        aria-label={t('filter.state')}
        value={statusFilter.value}
        onChange={({ currentTarget }) => {
          statusFilter.value = currentTarget.value as StatusFilter;
        }}
      >
        {statusFilters.map((state) => (
          <option key={state} value={state}>
            {state === 'all' ? t('filter.allStates') : capitalized(t(`status.${state}`))}
          </option>
        ))}
      </select>
      <select
        aria-label={t('filter.project')}
        value={projectFilter.value}
        onChange={({ currentTarget }) => {
          const { value } = currentTarget;
          if (value !== newProject) projectFilter.value = value;
          else {
            currentTarget.value = projectFilter.value;
            openNewProjectDialog();
          }
        }}
      >
        <option value="">{t('allProjects')}</option>
        {projects.value.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
        <option value={newProject}>{t('filter.newProject')}</option>
      </select>
    </div>
  );
}

const capitalized = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** `done`: called after the project is created or the form is canceled. */
export const openNewProjectDialog = (done: () => void = closeDialog): void => showDialog(<NewProject done={done} />);

function NewProject({ done }: { done: () => void }) {
  const [name, setName] = useState('');
  const make = async () => {
    await createProject(name.trim());
    done();
  };
  return (
    <Dialog title={t('filter.newProjectTitle')}>
      <p class="quiet">{t('filter.newProjectTells')}</p>
      <Form
        failure={t('filter.notCreated')}
        save={t('files.create')}
        isOff={name.trim() === ''}
        onCancel={done}
        onSave={make}
      >
        <TextField label={t('filter.projectName')} maxLength={200} value={name} onChange={setName} />
      </Form>
    </Dialog>
  );
}

/** Hidden from users without projects. An empty value means no project. */
export const ProjectField = (props: { value: string; onChange: (value: string) => void }) =>
  projects.value.length > 0 && (
    <ChoiceField
      label={t('filter.ofNew')}
      choices={[['', t('noProject')], ...projects.value.map(({ id, name }) => [id, name] as const)]}
      {...props}
    />
  );
export const projectNameOf = (project: string | null): string | undefined =>
  projects.value.find(({ id }) => id === project)?.name;

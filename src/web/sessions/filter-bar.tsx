import { useState } from 'preact/hooks';
import { Button, IconButton } from '../parts/kit/button.tsx';
import { closeDialog, Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { FormError, useActionError } from '../parts/kit/trouble.tsx';
import { t } from '../text/text.ts';
import { isChoosing, stopChoosing } from './choosing.ts';
import { createProject, projects, type ShownState, shownProject, shownState, shownStates } from './filters.ts';

const newProject = '+'; // not a valid project id

/** Turns the selection of several sessions on and off. */
export const ChooseButton = () => (
  <IconButton
    icon="plan"
    label={t('chooseMany')}
    aria-pressed={isChoosing.value}
    onClick={() => {
      if (isChoosing.value) stopChoosing();
      else isChoosing.value = true;
    }}
  />
);

/** The two filters of the list. */
export function FilterBar() {
  return (
    <div class="row filter-bar rigid">
      <select
        aria-label={t('filter.state')}
        value={shownState.value}
        onChange={({ currentTarget }) => {
          shownState.value = currentTarget.value as ShownState;
        }}
      >
        {shownStates.map((state) => (
          <option key={state} value={state}>
            {state === 'all' ? t('filter.allStates') : capitalized(t(`status.${state}`))}
          </option>
        ))}
      </select>
      <select
        aria-label={t('filter.project')}
        value={shownProject.value}
        onChange={({ currentTarget }) => {
          const { value } = currentTarget;
          if (value !== newProject) shownProject.value = value;
          else {
            currentTarget.value = shownProject.value;
            showDialog(<NewProject />);
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

function NewProject() {
  const [name, setName] = useState('');
  const [trouble, tryIt] = useActionError();
  const make = async () => {
    if (name.trim() !== '' && (await tryIt(t('notSaved'), () => createProject(name.trim())))) closeDialog();
  };
  return (
    <Dialog title={t('filter.newProjectTitle')}>
      <p class="quiet">{t('filter.newProjectTells')}</p>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          void make();
        }}
      >
        <input
          class="field"
          aria-label={t('filter.projectName')}
          placeholder={t('filter.projectName')}
          maxLength={200}
          value={name}
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
        <Button kind="primary" type="submit" label={t('files.create')} disabled={name.trim() === ''} />
      </form>
      <FormError text={trouble} />
    </Dialog>
  );
}

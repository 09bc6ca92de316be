import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Outputs } from '../../client/types.ts';
import { pref } from '../data/prefs.ts';
import { query } from '../data/server.ts';
import { info } from '../data/system.ts';
import { chooseModelFor } from '../models/choose.tsx';
import { chosenModel, inForce, isDemo, readModels } from '../models/state.ts';
import { projects, shownProject } from '../sessions/filters.ts';
import { chooseSkills } from '../skills/choose.tsx';
import { chosenSkills, readSkills, skills } from '../skills/state.ts';
import { serverText, t } from '../text/text.ts';
import { UnavailableTemplates } from './unavailable-templates.tsx';

export const chosenTemplate = pref<string>('template', '');
/** The repository's URL, and behind a # its branch, tag or commit; empty: none. */
export const chosenRepository = signal('');
export const templates = signal<Outputs['templates']['list']['templates']>([]);

/** Also forgets the choice of one that is gone, or cannot run. */
export function readTemplates(): void {
  query('templates.list', undefined).then(
    (found) => {
      templates.value = found.templates;
      const chosen = found.templates.find(({ id }) => id === chosenTemplate.value);
      if (chosen === undefined || chosen.unavailable !== null) chosenTemplate.value = '';
    },
    () => {}, // a server without templates has one recipe
  );
}

/** The project, the model and the template of a new session. */
export function NewSessionChoices() {
  useEffect(() => {
    void readModels().catch(() => {}); // the start page says more
    void readSkills().catch(() => {}); // so can they be chosen later
    readTemplates();
  }, []);
  return (
    <div class="choices-new">
      {templates.value.length > 1 && (
        <label>
          <span>{t('template')}</span>
          <select
            value={chosenTemplate.value}
            onChange={(event) => {
              chosenTemplate.value = event.currentTarget.value;
            }}
          >
            <option value="">{t('serversOwn')}</option>
            {templates.value.map(({ id, name, description, unavailable }) => (
              <option
                key={id}
                value={id}
                title={serverText(unavailable?.reason ?? description)}
                disabled={unavailable !== null}
              >
                {unavailable === null ? serverText(name) : t('templates.cannotRun', { name: serverText(name) })}
              </option>
            ))}
          </select>
        </label>
      )}
      <UnavailableTemplates templates={templates.value} />
      <span class="choice-new">
        <span id="model-of-new">{t('model')}</span>
        <button
          type="button"
          aria-haspopup="dialog"
          aria-describedby="model-of-new"
          onClick={() => chooseModelFor(undefined)}
        >
          {shownModel()}
        </button>
      </span>
      {skills.value !== undefined && skills.value.length > 0 && (
        <span class="choice-new">
          <span id="skills-of-new">{t('skills')}</span>
          <button
            type="button"
            aria-haspopup="dialog"
            aria-describedby="skills-of-new"
            onClick={() => chooseSkills(undefined)}
          >
            {chosenSkills.value.length === 0 ? t('skills.noneChosen') : chosenSkills.value.join(', ')}
          </button>
        </span>
      )}
      {projects.value.length > 0 && (
        <label>
          <span>{t('filter.ofNew')}</span>
          <select
            value={shownProject.value}
            onChange={({ currentTarget }) => {
              shownProject.value = currentTarget.value;
            }}
          >
            <option value="">{t('filter.noProject')}</option>
            {projects.value.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      <label>
        <span>{t('repository')}</span>
        <input
          type="url"
          pattern="(https?://|file:///).+"
          placeholder="https://example.org/team/project.git#main"
          value={chosenRepository.value}
          onInput={(event) => {
            chosenRepository.value = event.currentTarget.value;
          }}
        />
      </label>
    </div>
  );
}

function shownModel(): string {
  const model = chosenModel.value || inForce.value?.model || info.value?.model || '';
  return isDemo(model) ? t('models.demo') : model;
}

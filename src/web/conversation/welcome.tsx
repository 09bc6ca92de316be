import type { Session } from '../data/sessions.ts';
import { openSessionModelPicker } from '../models/session-model.ts';
import { ModelSetupBanner } from '../models/setup.tsx';
import { chosenModel, effectiveModels, isDemoModel } from '../models/state.ts';
import { Button } from '../parts/kit/button.tsx';
import { Icon } from '../parts/kit/icon.tsx';
import { openSettings } from '../settings/settings.tsx';
import { t } from '../text/text.ts';
import { Composer } from './composer.tsx';
import { fillComposer } from './composer-text.ts';

// The demo model has scripted answers (`src/agents/models/demo/tasks`).

const tasks = [
  { icon: 'play', title: 'task.game', hint: 'task.gameTells', text: 'task.gameText' },
  { icon: 'bars', title: 'task.chart', hint: 'task.chartTells', text: 'task.chartText' },
  { icon: 'check', title: 'task.test', hint: 'task.testTells', text: 'task.testText' },
] as const;

export function Welcome() {
  const model = chosenModel.value || effectiveModels.value?.model;
  return (
    <div class="welcome">
      <h2>{t('welcome')}</h2>
      <p class="quiet">{t('welcomeTells')}</p>
      <Composer />
      {model !== undefined && <h3 class="welcome-tasks">{t(isDemoModel(model) ? 'tasksOfDemo' : 'tasksToTry')}</h3>}
      <ul class="grid roomy">
        {tasks.map(({ icon, title, hint, text }) => (
          <li key={title}>
            <button type="button" class="grid box raised full" onClick={() => fillComposer(t(text))}>
              <Icon name={icon} />
              <b>{t(title)}</b>
              <span class="quiet small-text">{t(hint)}</span>
            </button>
          </li>
        ))}
      </ul>
      {(chosenModel.value === '' || isDemoModel(model)) && (
        <ModelSetupBanner onUsed={() => document.getElementById('message')?.focus()} />
      )}
    </div>
  );
}

export function DemoHelp({ session }: { session: Session }) {
  const hasOther = effectiveModels.value?.providers.some(({ isReady }) => isReady) === true;
  return (
    <div class="row">
      {tasks.map(({ icon, title, text }) => (
        <Button label={t(title)} key={title} icon={icon} onClick={() => fillComposer(t(text))} />
      ))}
      <Button
        kind="primary"
        label={t(hasOther ? 'models.change' : 'models.addOne')}
        onClick={() => (hasOther ? openSessionModelPicker(session) : openSettings('models'))}
      />
    </div>
  );
}

import { useEffect } from 'preact/hooks';
import { Button } from '../parts/kit/button.tsx';
import { Dialog, showDialog } from '../parts/kit/dialog.tsx';
import { List } from '../parts/kit/list.tsx';
import { FormError, useActionError } from '../parts/kit/trouble.tsx';
import { t } from '../text/text.ts';
import { AutomationForm } from './form.tsx';
import { AutomationView } from './one.tsx';
import { type Automation, automations, describeAutomationState, loadAutomations } from './state.ts';

export const showAutomationsDialog = (): void => showDialog(<Automations />);
const openForm = (): void => showDialog(<AutomationForm back={showAutomationsDialog} />);
export const openAutomation = (automation: Automation): void =>
  showDialog(<AutomationView id={automation.id} back={showAutomationsDialog} />);

function Automations() {
  const [trouble, tryIt] = useActionError();
  useEffect(() => void tryIt(t('automations.unread'), loadAutomations), []);
  return (
    <Dialog title={t('automations')} wide>
      <p class="quiet">{t('automations.about')}</p>
      <div>
        <Button kind="primary" icon="plus" label={t('automations.new')} onClick={openForm} />
      </div>
      <FormError text={trouble} />
      <List
        none={t('automations.none')}
        items={automations.value?.map((automation) => ({
          key: automation.id,
          title: automation.name,
          lines: [
            describeAutomationState(automation),
            ...(automation.hook?.secretAt === null ? [t('automations.hook.noSecret')] : []),
          ],
          waits: automation.paused !== null,
          open: () => openAutomation(automation),
        }))}
      />
    </Dialog>
  );
}

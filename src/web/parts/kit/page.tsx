import '../../styles/all.css';
import { render } from 'preact';
import { useState } from 'preact/hooks';
import { RelativeTime } from './ago.tsx';
import { Button, ChipButton, IconButton } from './button.tsx';
import { SegmentedControl } from './choice.tsx';
import { confirmAction, DialogHost } from './dialog.tsx';
import { EmptyState } from './empty.tsx';
import { ChoiceField, Form, MultiChoiceField, TextAreaField, TextField } from './field.tsx';
import { List } from './list.tsx';
import { Menu } from './menu.tsx';
import { SchemaForm } from './schema-form.tsx';
import { StatusChip, StatusIcon } from './status.tsx';
import { Tabs, tabElementIdOf } from './tabs.tsx';
import { FormError } from './trouble.tsx';

// Servers that run from source serve this page as /static/kit.html.

const kinds = ['plain', 'primary', 'danger', 'quiet'] as const;
const statuses = ['new', 'running', 'waiting', 'finished', 'stopped', 'failed', 'expired'] as const;
const marks = ['pending', 'running', 'completed', 'failed'] as const;
const days = [
  ['mon', 'Monday'],
  ['tue', 'Tuesday'],
] as const;
const nothing = () => {};

function Kit({ theme }: { theme: 'light' | 'dark' }) {
  const [text, setText] = useState('');
  const [day, setDay] = useState<'mon' | 'tue'>('mon');
  const [tab, setTab] = useState(`files-${theme}`);
  const [many, setMany] = useState<string[]>(['mon']);
  const ask = () =>
    confirmAction({ title: 'Delete this?', text: 'It is only a picture.', yes: 'Delete', act: nothing });
  return (
    <section class="stack kit roomy" data-kit={theme} aria-label={theme}>
      <h1>{theme}</h1>
      <div class="row">
        {kinds.map((kind) => (
          <Button label={kind} key={kind} kind={kind} icon="check" />
        ))}
        <Button label="disabled" disabled />
        <IconButton icon="gear" label={`Icon, ${theme}`} />
      </div>
      <div class="row">
        <ChipButton icon="spark" label="Model" value="Ollama / qwen3" onClick={ask} />
        <ChipButton icon="folder" label="Repository" value="" onClick={ask} />
        <RelativeTime at={Date.now() - 120_000} />
      </div>
      <div class="row">
        {statuses.map((status) => (
          <StatusChip key={status} status={status} />
        ))}
      </div>
      <div class="row">
        {marks.map((status) => (
          <StatusIcon key={status} status={status} />
        ))}
      </div>
      <SegmentedControl
        label={`Day, ${theme}`}
        value={day}
        options={days.map(([value, label]) => ({ value, label }))}
        onChange={setDay}
      />
      <Form failure="Could not save" save="Save" onCancel={nothing} onSave={async () => nothing()}>
        <TextField label="Name" required value={text} onChange={setText} help="As people say it" />
        <TextField label="Time zone" value="Berl" error="Unknown time zone." onChange={nothing} />
        <TextAreaField label="Task" rows={2} value={text} onChange={setText} />
        <ChoiceField label="When" value={day} choices={days} onChange={setDay} />
        <MultiChoiceField legend="Days" choices={days} chosen={many} onChange={setMany} />
      </Form>
      <List
        items={[
          { key: 'a', title: 'Chosen', lines: ['A line about it'], isChosen: true, open: nothing },
          { key: 'b', title: 'Waits', lines: ['For a person'], waits: true, open: nothing },
          { key: 'c', title: 'Off', lines: ['What it lacks'], isOff: true, open: nothing },
        ]}
      />
      <List items={[]} none="Nothing yet." />
      <h2>{'Drawn from a schema'}</h2>
      <SchemaForm
        of="serverCredentials.put"
        words="secrets"
        title={`A form from a schema, ${theme}`}
        fields={{ name: {}, value: { as: 'secret' }, hosts: {}, git: {}, paths: { isAdvanced: true } }}
        cancel={nothing}
        send={async () => nothing()}
      />
      <Tabs
        label={`Tabs, ${theme}`}
        tabs={[
          { id: `files-${theme}`, label: 'Files', icon: 'folder' },
          { id: `cost-${theme}`, label: 'Cost', icon: 'coin' },
        ]}
        open={tab}
        panel={`panel-${theme}`}
        onOpen={setTab}
      />
      <div id={`panel-${theme}`} role="tabpanel" aria-labelledby={tabElementIdOf(tab)}>
        <EmptyState text="Nothing is here yet.">
          <Menu items={[{ id: 'delete', label: 'Delete', icon: 'trash', run: nothing }]} />
        </EmptyState>
      </div>
      <FormError text="Could not save: the server does not respond." />
      <p class="note wait">{'It waits for a person.'}</p>
      <p class="note good">{'It worked.'}</p>
    </section>
  );
}

const root = document.getElementById('root');
if (root)
  render(
    <main class="kits scrolls grid">
      <Kit theme="light" />
      <Kit theme="dark" />
      <DialogHost />
    </main>,
    root,
  );

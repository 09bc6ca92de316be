import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { SharedState } from '../shared-state.ts';
import { child } from './child-process.ts';
import type { RunningProgram } from './service.ts';

/** Starts the window manager: windows fill the screen, dialogs keep their size, and there is no root menu. */
export async function startWindows(
  { keepers, place }: SharedState,
  program: string,
  env: Readonly<Record<string, string>>,
): Promise<RunningProgram<void>> {
  const config = join(dirname(env.XAUTHORITY ?? place.root), 'windows.xml');
  await writeFile(config, rules);
  const openbox = await child(keepers, {
    command: [program, '--sm-disable', '--config-file', config],
    cwd: place.root,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    oomScore: 50,
    isPrompt: true, // each click waits for it
  });
  return { value: undefined, died: openbox.died, end: openbox.end };
}

const rules = `<?xml version="1.0" encoding="UTF-8"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
  <focus><focusNew>yes</focusNew><followMouse>no</followMouse></focus>
  <theme><name>Clearlooks</name><titleLayout>LC</titleLayout></theme>
  <desktops><number>1</number></desktops>
  <keyboard>
    <rebindOnMappingNotify>no</rebindOnMappingNotify>
    <keybind key="A-F4"><action name="Close"/></keybind>
    <keybind key="A-Tab"><action name="NextWindow"/></keybind>
  </keyboard>
  <mouse>
    <context name="Client"><mousebind button="Left" action="Press"><action name="Focus"/><action name="Raise"/></mousebind></context>
    <context name="Titlebar">
      <mousebind button="Left" action="Drag"><action name="Move"/></mousebind>
      <mousebind button="Left" action="Press"><action name="Focus"/><action name="Raise"/></mousebind>
    </context>
    <context name="Close"><mousebind button="Left" action="Click"><action name="Close"/></mousebind></context>
  </mouse>
  <applications><application class="*" type="normal"><maximized>yes</maximized></application></applications>
</openbox_config>
`;

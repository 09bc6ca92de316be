/** A step of the checklist, and the test that takes it: its file, and the beginning of its name. */
interface ChecklistStep {
  readonly step: string;
  readonly file: string;
  readonly test: string;
}

const step = (words: string, file: string, test: string): ChecklistStep => ({
  step: words,
  file: `test/${file}`,
  test,
});
const here = 'e2e/ui/checklist.test.ts';

/** The steps of a new user, who is told nothing, in the order of the numbers that tests have. */
export const checklist: readonly ChecklistStep[] = [
  step('The conversation keeps its end, whatever loads late.', here, '1 the conversation stays at its end'),
  step('A person who reads further up is left there.', here, '2 a person who reads further up'),
  step('A million lines of output can be read.', here, '3 a million lines'),
  step('A permitted call is one card.', here, '4 a permitted call is one card'),
  step('Failures of the provider are one line with the next try.', here, '5 failures of the provider'),
  step('The page says that the server is away, and what it sends later.', here, '6 within three seconds'),
  step('Approvals are answered on a phone.', here, "7 an approval's buttons"),
  step(
    'From the start to the first answer of a real model without a file.',
    'e2e/ui/first-minutes.test.ts',
    'a person gets from the start page to a first answer in at most six clicks',
  ),
  step('A wrong key is told at the form.', 'e2e/ui/first-minutes.test.ts', 'a wrong key and an address'),
  step('The demo says what it is.', 'e2e/ui/first-minutes.test.ts', 'the demo says in each answer what it is'),
  step('A task of the start page really runs, and ends in a page.', here, '11 a task of the start page'),
  step('A template that cannot run says why.', 'e2e/ui/first-minutes.test.ts', 'a template that cannot run here'),
  step('Files go with the first message.', 'e2e/ui/attachments.test.ts', 'files of the first message'),
  step('Files are dropped and pasted.', 'e2e/ui/attachments.test.ts', 'files are dropped on the message box'),
  step('A page that the agent serves is seen.', 'e2e/ui/preview.test.ts', 'a port that begins to listen'),
  step('A link to localhost leads there.', 'e2e/ui/preview.test.ts', 'a link to localhost in the conversation'),
  step('A preview can be closed.', 'e2e/ui/preview.test.ts', 'an address that is closed'),
  step('An HTML file is shown as a page.', 'e2e/ui/preview.test.ts', 'an HTML file of the workspace'),
  step('Files are edited, several at once.', 'e2e/ui/work-pane.test.ts', 'several files are open at once'),
  step('Changes are reviewed and reverted one by one.', 'e2e/ui/work-pane.test.ts', 'the changes since the run began'),
  step('A comment on a line goes to the agent.', 'e2e/ui/work-pane.test.ts', 'what the agent wrote is compared'),
  step('A whole task, from files to the download.', 'e2e/ui/whole-task.test.ts', 'a task with two attached files'),
  step('One list has all that needs a person.', 'e2e/ui/inbox.test.ts', 'a question and an approval of two sessions'),
  step('The list is filtered by state and project.', 'e2e/ui/sessions.test.ts', 'the list shows the sessions of one'),
  step('Many sessions are chosen and deleted together.', 'e2e/ui/sessions.test.ts', 'a range is chosen with shift'),
  step('A message can be edited, and a failure is told in words.', here, '26 Edit shows the message'),
  step('The guide is one click away.', here, '27 one click leads to the guide'),
  step('Dictated text arrives in the terminal.', here, '28 text that is inserted'),
  step('The start page is German, on a phone, without a complaint.', here, '29 the start page is German'),
  step('A command of the terminal is what stands behind --.', 'e2e/cli/commands.test.ts', 'what stands behind --'),
];

// `node scripts/check-names.ts [files…]`: refuses exported names that say too little, or that are not the glossary's word
// (docs/concepts.md). Prints file:line, the name and a better kind of name.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const words = (text: string) => new Set(text.trim().split(/\s+/));

/** Participles, pronouns and words of place: a reader cannot tell the thing from any of them. */
const vagueTypes = words(`
  About Acting Again Announced Answering Armed Asked Asking Attached Awaited Begun Beside Bound Broken Called Calling
  Captured Changed Circumstances Claimed Collected Compared Connected Copied Counted Covers Cut Decided Described Doing
  Door Edited Elsewhere Ended Ending Exceeded Fetched Filled Fit Followed Following Found Given Gone Habits Hand Hear Heard
  Held Hold How InForce Inside It Joined Judged Kept Known Lanes Launched Lean Left Lender Line Linked Listed Listening
  Located Look Looking Made Make Making Marked Measured Mishap Named Need News Noise Numbered Of Opened Own Owned Packed Part
  Parsed Passing Piped Place Placed Places Power Ran Reached Read Reading Received Recovered Refused Reported Rest Resting
  Returned Room Rooted Rotated Running Said Scaled Scanned Sealed Seat Seen Sending Sent Shown Signed Silence Since Sized
  Slots Spared Speech Spent Spooled Staged Started Stored Strays Surroundings Taken Taking Tell Teller Telling Thing Things
  Told Tracked Trap Trust Trying Turns Unset Uploaded Used Viewed Wanted Wants Watched Way Ways Where Whole Whose Why Wish
  Working Wrongs
`);

/** Participles that hide what the function does. */
const vagueFunctions = words(`
  alreadySent answering asked atDesk become beingRestarted besideSettings boundTo called carrying checked clipped collected
  composed confined counted drained either entering explain filled given goes gone greet guarded harmless hastener held
  hopeless inTurn judged letGo listed located lost makeRoom measured nearest overdue paced perform piped placed pooled pour
  priced quoted reachable readable regular remembered reworded said same sendable shaped shown started summarized taken told
  took touched unanswered unlisted untrusted validated warmed whole wholeIn withhold withholding wrong yes
`);

const rules: readonly [better: string, breaks: (name: string, kind: string) => boolean][] = [
  ['a type is a noun of the field', (name, kind) => kind === 'type' && vagueTypes.has(name)],
  ['a function is a verb with its object', (name, kind) => kind === 'value' && vagueFunctions.has(name)],
  ['a limit begins with max', (name, kind) => kind === 'value' && /^most[A-Z]/.test(name)],
  ['one API of the server is a facade', (name) => /dialect/i.test(name)],
  ['who calls is a Principal; actors are XState', (name) => name === 'Actor'],
];

const listed = () =>
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts', '*.tsx'], { encoding: 'utf8' })
    .trim()
    .split('\n');
const exported =
  /^export (?:declare )?(?:abstract )?(?:async )?(?<word>interface|type|class|enum|const|let|function\*?) (?<name>[\w$]+)/;

let bad = 0;
for (const file of process.argv.length > 2 ? process.argv.slice(2) : listed()) {
  for (const [index, text] of readFileSync(file, 'utf8').split('\n').entries()) {
    const { word = '', name = '' } = exported.exec(text)?.groups ?? {};
    const kind = /^(const|let|function)/.test(word) ? 'value' : 'type';
    for (const [better, breaks] of rules) {
      if (name === '' || !breaks(name, kind)) continue;
      bad += 1;
      console.error(`${file}:${index + 1}: ${name}: ${better} (docs/concepts.md)`);
    }
  }
}
if (bad > 0) console.error(`${bad} names to change`);
process.exitCode = bad > 0 ? 1 : 0;
